// The laws of the job type `blog-post`: what it accepts, returns and refuses, and whose slot it takes.
import { runHandler } from 'unstuck/testing';
import { describe, expect, test } from 'vitest';
import { jobs } from '../../../examples/blog-slots/index.ts';
import { type PostInput, postJob } from '../../../examples/blog-slots/post-job.ts';
import { BROKEN, readPost } from '../../../examples/blog-slots/posts.ts';
import { slotsOf } from '../../../examples/blog-slots/publishers.ts';

const TEXT = await readPost('a-slot-is-a-row');
const POST: PostInput = { publisher: 'the-gazette', slug: 'a-slot-is-a-row', text: TEXT };

describe('input', () => {
  test.each([
    [POST, true],
    [{ ...POST, rehearse: 'transient' }, true],
    [{ ...POST, publisher: '' }, false],
    [{ ...POST, publisher: 'The Gazette' }, false],
    [{ ...POST, slug: 'a/b' }, false],
    [{ ...POST, text: '' }, false],
    [{ ...POST, html: '<p>' }, false],
    [{ publisher: 'the-gazette' }, false],
  ])('%# is accepted or refused', async (input, accepted) => {
    const { issues } = await postJob.schema['~standard'].validate(input);
    expect(issues === undefined).toBe(accepted);
  });

  test('the slot is one of its publisher', () => {
    const slot = postJob.slot as (input: PostInput) => string;
    expect(slot(POST)).toBe(slotsOf('the-gazette'));
  });
});

describe('run', () => {
  test('it returns the rendered post with what its author said of it, as JSON keeps it', async () => {
    const post = await runHandler(postJob, POST);
    expect(post).toMatchObject({
      publisher: 'the-gazette',
      slug: 'a-slot-is-a-row',
      title: 'A slot is a row: counting what cannot drift',
      date: '2026-03-09',
      tags: ['slots', 'design'],
      readingMinutes: 1,
      html: expect.stringContaining('<h2 id="the-number-drifts">'),
    });
    expect(JSON.parse(JSON.stringify(post))).toStrictEqual(post);
  });

  test('broken front matter fails for good, by code and line', async () => {
    const text = await readPost(BROKEN);
    await expect(runHandler(postJob, { ...POST, text })).rejects.toMatchObject({
      name: 'Fail',
      code: 'FRONT_MATTER_INVALID',
      message: expect.stringContaining('Line 3'),
    });
  });

  test('a transient fault fails the first attempt, with retry, and not the second', async () => {
    const input = { ...POST, rehearse: 'transient' } as const;
    await expect(runHandler(postJob, input)).rejects.toMatchObject({ name: 'Error' });
    expect(await runHandler(postJob, input, { attempt: 2 })).toMatchObject({ slug: POST.slug });
  });

  test('a slow one ends when its signal is aborted', async () => {
    const signal = AbortSignal.abort(new Error('cancelled'));
    await expect(
      runHandler(postJob, { ...POST, rehearse: 'slow' }, { signal }),
    ).rejects.toMatchObject({ name: 'AbortError' });
  });
});

test('the module exports its job types', () => {
  expect(jobs).toEqual([postJob]);
});
