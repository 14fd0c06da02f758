// docs/generated/openapi.json: the OpenAPI document of the HTTP API.
import { openApi } from '../../src/http/openapi.ts';
import { ROUTES } from '../../src/http/routes.ts';

/** Renders the document. */
export function renderOpenApi(): string {
  return `${JSON.stringify(openApi(ROUTES), null, 2)}\n`;
}
