// The tests that failed, one line each: the file, the name, and how the error begins.
import { existsSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';

const MESSAGE_MAX = 300;

interface Results {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** Reads what vitest's JSON reporter wrote; nothing when it wrote nothing. */
export function failedTests(file: string): string[] {
  if (!existsSync(file)) return [];
  const { testResults } = JSON.parse(readFileSync(file, 'utf8')) as Results;
  return testResults.flatMap(({ name, status, message, assertionResults }) => {
    const path = relative('.', name);
    const tests = assertionResults.filter((one) => one.status === 'failed');
    // A file whose hooks or imports fail has no test that failed.
    if (tests.length === 0) return status === 'failed' ? [line(path, '', message)] : [];
    return tests.map((one) => line(path, one.fullName, one.failureMessages[0] ?? ''));
  });
}

function line(path: string, name: string, message: string): string {
  const [first = ''] = message.split('\n');
  return `red test: ${path} > ${name}\n  ${first.slice(0, MESSAGE_MAX)}`;
}
