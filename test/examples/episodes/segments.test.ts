// The laws of recipes and segments: what is accepted on both sides, and what sound a segment is.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  parseRecipe,
  RecipeError,
  SegmentError,
  samplesOf,
} from '../../../examples/episodes/assembler/segments.ts';
import { encodeWav } from '../../../examples/episodes/assembler/wav.ts';
import { assembleJob } from '../../../examples/episodes/episode-jobs.ts';

const TONE = { kind: 'tone', hz: 440, seconds: 0.5 };
const RECIPE = { segments: [TONE], join: { crossfade: 0.1 } };

describe('a recipe is accepted or refused by the application and by the assembler alike', () => {
  test.each([
    [RECIPE, true],
    [{ ...RECIPE, rehearse: 'slow' }, true],
    [{ ...RECIPE, join: { silence: 2 } }, true],
    [{ ...RECIPE, segments: [{ kind: 'noise', seed: 0, seconds: 60 }] }, true],
    [{ ...RECIPE, segments: [{ kind: 'file', name: 'jingle.wav' }] }, true],
    [{ ...RECIPE, segments: [{ kind: 'file', name: '../jingle.wav' }] }, false],
    [{ ...RECIPE, segments: [{ kind: 'file', name: 'a/b.wav' }] }, false],
    [{ ...RECIPE, segments: [{ ...TONE, seconds: 61 }] }, false],
    [{ ...RECIPE, segments: [{ ...TONE, hz: '440' }] }, false],
    [{ ...RECIPE, segments: [{ kind: 'music' }] }, false],
    [{ ...RECIPE, segments: [] }, false],
    [{ ...RECIPE, segments: [null] }, false],
    [{ ...RECIPE, join: {} }, false],
    [{ ...RECIPE, join: { crossfade: -1 } }, false],
    [{ segments: [TONE] }, false],
    ['a recipe', false],
    [null, false],
  ])('%#', async (recipe, accepted) => {
    const { issues } = await assembleJob.schema['~standard'].validate(recipe);
    expect(issues === undefined).toBe(accepted);
    if (accepted) expect(parseRecipe(recipe).segments).toHaveLength(1);
    else expect(() => parseRecipe(recipe)).toThrow(RecipeError);
  });
});

describe('a segment', () => {
  test('of a tone has as many waves as its frequency says', async () => {
    const samples = await samplesOf({ kind: 'tone', hz: 100, seconds: 1 }, '');
    let crossings = 0;
    for (const [index, one] of samples.entries())
      if (index > 0 && one >= 0 && (samples[index - 1] ?? 0) < 0) crossings += 1;
    expect([samples.length, crossings]).toEqual([22_050, 99]);
  });

  test('of noise is the same for the same seed, and another for another', async () => {
    const noise = (seed: number): Promise<Float32Array> =>
      samplesOf({ kind: 'noise', seed, seconds: 0.1 }, '');
    expect(await noise(7)).toEqual(await noise(7));
    expect(await noise(7)).not.toEqual(await noise(8));
    const values = [...(await noise(7))];
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(0.4);
    expect(Math.abs(values.reduce((sum, one) => sum + one, 0) / values.length)).toBeLessThan(0.05);
  });

  test('of a file is read, and is missing when there is none or it is no sound', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'segments-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    await writeFile(join(directory, 'jingle.wav'), encodeWav(Float32Array.of(0, 1, 0)));
    await writeFile(join(directory, 'text.wav'), 'no sound at all');
    const read = (name: string): Promise<Float32Array> =>
      samplesOf({ kind: 'file', name }, directory);
    expect([...(await read('jingle.wav'))]).toEqual([0, 1, 0]);
    await expect(read('lost.wav')).rejects.toThrow(SegmentError);
    await expect(read('text.wav')).rejects.toThrow('RIFF');
  });
});
