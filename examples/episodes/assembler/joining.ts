// Joins tracks into one: each goes over into the next, or nothing is heard between them. Pure.
import type { Recipe } from './segments.ts';
import { SAMPLE_RATE } from './wav.ts';

/** Joins tracks. A crossfade takes at most half of the shorter of its two tracks, so that no track fades in and out at once. */
export function joinTracks(tracks: readonly Float32Array[], how: Recipe['join']): Float32Array {
  const steps = tracks.map((track, index) => stepAfter(track, tracks[index + 1], how));
  const length = tracks.reduce((sum, track, index) => sum + track.length + (steps[index] ?? 0), 0);
  const joined = new Float32Array(length);
  let at = 0;
  for (const [index, track] of tracks.entries()) {
    const fadeIn = Math.max(0, -(steps[index - 1] ?? 0));
    const fadeOut = Math.max(0, -(steps[index] ?? 0));
    for (const [place, sample] of track.entries()) {
      const gain = gainOf(place, fadeIn) * gainOf(track.length - 1 - place, fadeOut);
      joined[at + place] = (joined[at + place] ?? 0) + sample * gain;
    }
    at += track.length + (steps[index] ?? 0);
  }
  return joined;
}

/** How many samples lie between the end of a track and the start of the next; fewer than none when they overlap. */
function stepAfter(
  track: Float32Array,
  next: Float32Array | undefined,
  how: Recipe['join'],
): number {
  if (next === undefined) return 0;
  if ('silence' in how) return Math.round(how.silence * SAMPLE_RATE);
  const wanted = Math.round(how.crossfade * SAMPLE_RATE);
  // `0 -`: a crossfade of nothing is 0, not -0.
  return 0 - Math.min(wanted, Math.floor(track.length / 2), Math.floor(next.length / 2));
}

/** Equal power: where two tracks overlap, the squares of their gains add up to 1. */
function gainOf(place: number, fade: number): number {
  return place >= fade ? 1 : Math.sin(((place + 0.5) / fade) * (Math.PI / 2));
}
