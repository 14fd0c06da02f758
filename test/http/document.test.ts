// The laws of the OpenAPI document: it is one, everything in it exists, and a client can be made from it.
import { Validator } from '@seriousme/openapi-schema-validator';
import { expect, test } from 'vitest';
import { ERRORS } from '../../src/domain/errors.ts';
import { SCOPES } from '../../src/domain/scopes.ts';
import { ROUTES } from '../../src/http/routes.ts';
import { DOCUMENT, OPERATIONS, resolved } from './support/operations.ts';

test('it is a valid document of OpenAPI 3.1', async () => {
  const validator = new Validator();
  const result = await validator.validate(structuredClone(DOCUMENT));
  expect(result.errors ?? []).toEqual([]);
  expect(validator.version).toBe('3.1');
});

test('it describes every route that is served, by an id of its own', () => {
  expect(OPERATIONS.map(({ id }) => id).toSorted()).toEqual(ROUTES.map(({ id }) => id).toSorted());
  expect(new Set(ROUTES.map(({ id }) => id)).size).toBe(ROUTES.length);
});

test('every reference in it is defined', () => {
  const references = [
    ...JSON.stringify(DOCUMENT).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g),
  ];
  const defined = Object.keys(DOCUMENT.components.schemas);
  expect(
    references.map(([, name]) => name).filter((name) => !defined.includes(name ?? '')),
  ).toEqual([]);
  expect(references.length).toBeGreaterThan(0);
});

test.each(OPERATIONS.map((operation) => [operation.id, operation] as const))(
  '%s can be a method of a client',
  (id, { method, path, parameters, body, scope, route }) => {
    expect(id).toMatch(/^[a-z][A-Za-z]+$/);
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    expect(parameters.filter((one) => one.in === 'path').map(({ name }) => name)).toEqual(inPath);
    // Everything goes into one flat object.
    const names = parameters.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const fields = Object.keys((resolved(body ?? {})['properties'] as object | undefined) ?? {});
    expect(fields.filter((field) => inPath.includes(field))).toEqual([]);
    if (!['GET', 'DELETE'].includes(method)) expect(names).toEqual(inPath);
    expect(body === undefined || !['GET', 'DELETE'].includes(method)).toBe(true);
    expect(scope === undefined || (SCOPES as readonly string[]).includes(scope)).toBe(true);
    expect(route.summary).toMatch(/^[A-Z].*\.$/);
    for (const code of route.errors ?? []) expect(ERRORS[code]).toBeDefined();
  },
);
