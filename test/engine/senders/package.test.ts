// A package that only some users need, and that is not there.
import { expect, test } from 'vitest';
import { loadPackage } from '../../../src/engine/senders/package.ts';

test('PACKAGE_MISSING: what is to be installed is said, no place of this machine, and it is tried again', async () => {
  const name: string = 'not-installed-here';
  const missing = await loadPackage(name, () => import(name) as Promise<object>);
  expect(missing).toMatchObject({ kind: 'failed', again: true, code: 'PACKAGE_MISSING' });
  expect(missing).toHaveProperty('message', expect.stringContaining(`npm install ${name}`));
  expect(JSON.stringify(missing)).not.toMatch(/\/(?:src|engine)\b|file:/);
});
