// How the tests run: laws and pure floors need nothing, every other test gets a PostgreSQL from the global setup.
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineConfig, type ViteUserConfig } from 'vitest/config';

/** Lets `import 'unstuck'` in examples and tests mean src/, here and in the processes and threads that tests start. */
const SOURCE = 'unstuck-source';

/** Directories whose tests touch no database, so that they run without starting one. */
const PURE: string[] = ['test/std/**/*.test.ts', 'test/domain/**/*.test.ts'];

const config: ViteUserConfig = defineConfig({
  // Without Vite's own condition `module`, which Node does not know: packages resolve as they do for users.
  ssr: { resolve: { conditions: [SOURCE, 'node', 'development'] } },
  test: {
    pool: 'forks',
    // Three processes: the tests start PostgreSQL and workers of their own, and many wait for a clock; more only makes them wait for each other.
    maxWorkers: 3,
    // The processes that tests start strip the types of the same files again and again: half the time of a short command.
    env: { NODE_COMPILE_CACHE: join(tmpdir(), 'unstuck-compile-cache') },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    projects: [
      { extends: true, test: { name: 'laws', include: ['test/laws/**/*.test.ts'] } },
      { extends: true, test: { name: 'pure', include: PURE } },
      {
        extends: true,
        test: {
          name: 'database',
          include: ['test/**/*.test.ts'],
          exclude: ['test/laws/**', ...PURE],
          globalSetup: ['test/support/global-setup.ts'],
        },
      },
    ],
  },
});

export default config;
