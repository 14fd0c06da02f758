// Recipes for trying the assembler out, and how long what comes of them must be: counted by hand, not by the code that joins.
import type { Recipe } from './episode-jobs.ts';

/** What must come of a recipe. */
export interface Expected {
  readonly samples: number;
}

const RATE = 22_050;

/** Short ones of every kind; the last one takes more than a second. */
export const RECIPES: readonly { readonly recipe: Recipe; readonly expected: Expected }[] = [
  {
    recipe: {
      segments: [
        { kind: 'tone', hz: 440, seconds: 1 },
        { kind: 'tone', hz: 550, seconds: 1 },
        { kind: 'tone', hz: 660, seconds: 0.5 },
      ],
      join: { crossfade: 0.1 },
    },
    // Two joints of a tenth of a second, which is heard once and not twice.
    expected: { samples: 2.5 * RATE - 2 * 2_205 },
  },
  {
    recipe: {
      segments: [
        { kind: 'noise', seed: 7, seconds: 0.5 },
        { kind: 'noise', seed: 8, seconds: 0.5 },
      ],
      join: { silence: 1 },
    },
    expected: { samples: 2 * RATE },
  },
  {
    recipe: { segments: [{ kind: 'tone', hz: 330, seconds: 2 }], join: { crossfade: 3 } },
    expected: { samples: 2 * RATE },
  },
  {
    recipe: {
      segments: [1, 2, 3, 4].map((seed) => ({ kind: 'noise', seed, seconds: 0.25 })),
      join: { crossfade: 0 },
      rehearse: 'slow',
    },
    expected: { samples: 4 * 5_513 },
  },
];
