// The files that are written by the program, and the code that each is rendered from.
import { renderAlertRules } from './docs/alert-rules.ts';
import { renderClientOperations, renderClientShapes, renderClientTable } from './docs/client.ts';
import { renderErrors } from './docs/errors.ts';
import { renderOpenApi } from './docs/openapi.ts';
import { renderOptions } from './docs/options.ts';
import { renderSchema } from './docs/schema.ts';
import { renderStateMachine } from './docs/state-machine.ts';

/** One file that is written by the program instead of by hand. */
export interface GeneratedDoc {
  /** Its path from the root of the project. */
  readonly file: string;
  /** Renders the whole file, ending in a newline; the same code must always render the same text. */
  readonly render: () => string | Promise<string>;
}

/** The directories that hold nothing else. */
export const GENERATED_DIRECTORIES: readonly string[] = [
  'docs/generated',
  'src/http/client/generated',
];

/** Every file of these directories; one that is not listed here is an error there. */
export const GENERATED_DOCS: readonly GeneratedDoc[] = [
  { file: 'docs/generated/alert-rules.md', render: renderAlertRules },
  { file: 'docs/generated/errors.md', render: renderErrors },
  { file: 'docs/generated/openapi.json', render: renderOpenApi },
  { file: 'docs/generated/options.md', render: renderOptions },
  { file: 'docs/generated/schema.sql', render: renderSchema },
  { file: 'docs/generated/state-machine.md', render: renderStateMachine },
  { file: 'src/http/client/generated/operations.ts', render: renderClientOperations },
  { file: 'src/http/client/generated/shapes.ts', render: renderClientShapes },
  { file: 'src/http/client/generated/table.ts', render: renderClientTable },
];
