// The laws of listing a checkout: in order, inside it, without what was installed, and never without an end.
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { listFiles, ROOT, readText } from '../../../examples/collection/checkout.ts';

test('files are listed by their paths, in order, without hidden and installed ones', async () => {
  const root = await checkout([
    'b.ts',
    'a/z.ts',
    'a/deep/x.ts',
    'a/y.md',
    '.git/c.ts',
    'node_modules/d.ts',
  ]);
  // A directory that contains itself would be walked for ever.
  await symlink(root, join(root, 'a', 'round'));
  expect(await listFiles(root, '.', '.ts')).toEqual(['a/deep/x.ts', 'a/z.ts', 'b.ts']);
  expect(await listFiles(root, 'a', '.md')).toEqual(['a/y.md']);
  expect(await readText(root, 'b.ts')).toEqual({ path: 'b.ts', text: 'text of b.ts\n' });
});

test('what lies outside the checkout is refused, and what is not there is an error', async () => {
  const root = await checkout(['b.ts']);
  await expect(listFiles(root, '..', '.ts')).rejects.toThrow('inside the checkout');
  await expect(listFiles(root, '/etc', '.ts')).rejects.toThrow('inside the checkout');
  await expect(listFiles(root, `../${root.split('/').at(-1)}x`, '.ts')).rejects.toThrow('inside');
  await expect(listFiles(root, 'none', '.ts')).rejects.toMatchObject({ code: 'ENOENT' });
});

test('the checkout of the example is this one', async () => {
  expect(await listFiles(ROOT, 'examples/collection', '.ts')).toContain(
    'examples/collection/checkout.ts',
  );
});

async function checkout(paths: readonly string[]): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'unstuck-checkout-'));
  onTestFinished(() => rm(root, { recursive: true }));
  for (const path of paths) {
    await mkdir(join(root, path, '..'), { recursive: true });
    await writeFile(join(root, path), `text of ${path}\n`);
  }
  return root;
}
