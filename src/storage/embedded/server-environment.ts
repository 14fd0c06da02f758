/** What initdb and the server see of our environment. */

const KEPT = ['PATH', 'TZ', 'TMPDIR', 'LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH'];

/** Answers an environment without our secrets, and without a PGDATA or PGPORT that would mislead. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  const kept: NodeJS.ProcessEnv = { LC_ALL: 'C' };
  for (const name of KEPT) {
    if (process.env[name] !== undefined) kept[name] = process.env[name];
  }
  return kept;
}
