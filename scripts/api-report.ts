// Compares the public types in dist/ with the reports in api/: `--update` writes them, without it a difference is an error.

import { existsSync, mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { Extractor, ExtractorConfig, type IConfigFile } from '@microsoft/api-extractor';

const SETTINGS = resolve('api-extractor.json');

/** Report file of each door, and the declarations it is made from. */
const DOORS: Readonly<Record<string, string>> = {
  'unstuck.api.md': 'dist/index.d.ts',
  'unstuck-http.api.md': 'dist/http/index.d.ts',
  'unstuck-testing.api.md': 'dist/testing/index.d.ts',
};

const update = process.argv.includes('--update');
const differing = Object.entries(DOORS).filter(([report, entry]) => !reportMatches(report, entry));
for (const [report] of differing) console.error(`api/${report} differs from what dist/ exports`);
if (differing.length > 0 && !update) process.exitCode = 1;

/** Extracts one door; answers whether its committed report says the same. */
function reportMatches(reportFileName: string, entry: string): boolean {
  if (!existsSync(entry)) throw new Error(`Expected ${entry}, found nothing: run npm run build.`);
  mkdirSync('api', { recursive: true });
  const settings: IConfigFile = ExtractorConfig.loadFile(SETTINGS);
  const config = ExtractorConfig.prepare({
    configObject: {
      ...settings,
      projectFolder: resolve('.'),
      mainEntryPointFilePath: resolve(entry),
      apiReport: {
        ...settings.apiReport,
        enabled: true,
        reportFileName,
        reportFolder: resolve('api'),
        reportTempFolder: resolve('dist/.api'),
      },
    },
    configObjectFullPath: SETTINGS,
    packageJsonFullPath: resolve('package.json'),
  });
  const { apiReportChanged, errorCount } = Extractor.invoke(config, { localBuild: update });
  if (errorCount > 0) throw new Error(`api-extractor found ${errorCount} errors in ${entry}.`);
  return !apiReportChanged;
}
