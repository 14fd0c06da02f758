// Measures distances on the globe.

/** A point on the globe, in degrees. */
export interface Point {
  readonly latitude: number;
  readonly longitude: number;
}

/** Measures between two stops, named by their index; symmetric, never negative. */
export type Distance = (from: number, to: number) => number;

const EARTH_RADIUS_KM = 6371.0088;
const RADIANS_PER_DEGREE = Math.PI / 180;

/**
 * Measures the great-circle distance of two points in kilometres, by the haversine formula.
 * The globe is taken as a sphere, so it is off by up to 0.5 % from the distance on the ellipsoid; no roads are known.
 */
export function haversineKm(a: Point, b: Point): number {
  const latitudeA = a.latitude * RADIANS_PER_DEGREE;
  const latitudeB = b.latitude * RADIANS_PER_DEGREE;
  const north = Math.sin((latitudeB - latitudeA) / 2);
  const east = Math.sin(((b.longitude - a.longitude) * RADIANS_PER_DEGREE) / 2);
  const half = north * north + Math.cos(latitudeA) * Math.cos(latitudeB) * (east * east);
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.sqrt(Math.min(1, half)));
}

/**
 * Returns the kilometres between any two of the points, the same as `haversineKm` gives, but more than twice as fast: sines
 * and cosines are taken once per point. Nothing else is kept: a table for 2,000 stops would take 32 MB.
 */
export function distanceBetween(points: readonly Point[]): Distance {
  const onSphere = points.map(toUnitSphere);
  return (from, to) => {
    const a = vectorAt(onSphere, from);
    const b = vectorAt(onSphere, to);
    const chord = Math.sqrt((a.x - b.x) ** 2 + (a.y - b.y) ** 2 + (a.z - b.z) ** 2);
    return 2 * EARTH_RADIUS_KM * Math.asin(Math.min(1, chord / 2));
  };
}

/** Sums the closed tour: every leg, and the way back from the last stop to the first. Any unit that `distance` has. */
export function tourLength(order: readonly number[], distance: Distance): number {
  let length = 0;
  let last = order.at(-1);
  for (const stop of order) {
    if (last !== undefined) {
      length += distance(last, stop);
    }
    last = stop;
  }
  return length;
}

interface Vector {
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

function toUnitSphere(point: Point): Vector {
  const latitude = point.latitude * RADIANS_PER_DEGREE;
  const longitude = point.longitude * RADIANS_PER_DEGREE;
  const toAxis = Math.cos(latitude);
  return {
    x: toAxis * Math.cos(longitude),
    y: toAxis * Math.sin(longitude),
    z: Math.sin(latitude),
  };
}

function vectorAt(vectors: readonly Vector[], index: number): Vector {
  const vector = vectors[index];
  if (vector === undefined) {
    throw new RangeError(`Expected the index of one of ${vectors.length} stops, got ${index}.`);
  }
  return vector;
}
