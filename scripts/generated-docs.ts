// The pages in docs/generated/ and the code that each is rendered from.
import { renderErrors } from './docs/errors.ts';
import { renderOpenApi } from './docs/openapi.ts';
import { renderOptions } from './docs/options.ts';
import { renderSchema } from './docs/schema.ts';
import { renderStateMachine } from './docs/state-machine.ts';

/** One page that is written by the program instead of by hand. */
export interface GeneratedDoc {
  /** File name in docs/generated/. */
  readonly file: string;
  /** Renders the whole page, ending in a newline; the same code must always render the same text. */
  readonly render: () => string | Promise<string>;
}

/** Every page of docs/generated/; a file that is not listed here is an error there. */
export const GENERATED_DOCS: readonly GeneratedDoc[] = [
  { file: 'errors.md', render: renderErrors },
  { file: 'openapi.json', render: renderOpenApi },
  { file: 'options.md', render: renderOptions },
  { file: 'schema.sql', render: renderSchema },
  { file: 'state-machine.md', render: renderStateMachine },
];
