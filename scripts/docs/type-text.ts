// TypeScript types as text, made from the JSON Schemas of the OpenAPI document.

/** A JSON Schema, as far as the document uses the language. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly description?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly prefixItems?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
}

/** Whether a type is of what is sent, where a date may stand for an instant, or of what is answered. */
export type Direction = 'sent' | 'answered';

/** The type of a schema. */
export function typeText(schema: JsonSchema, direction: Direction): string {
  const inner = (one: JsonSchema): string => typeText(one, direction);
  if (schema.$ref !== undefined) return nameOf(schema.$ref);
  if ('const' in schema) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return union(schema.enum.map((value) => JSON.stringify(value)));
  const some = schema.anyOf ?? schema.oneOf;
  if (some !== undefined) return union(some.map(inner));
  if (schema.allOf !== undefined) return schema.allOf.map(inner).join(' & ');
  if (Array.isArray(schema.type))
    return union(schema.type.map((type: string) => inner({ ...schema, type })));
  switch (schema.type) {
    case 'string':
      return direction === 'sent' && schema.format === 'date-time' ? 'Date | string' : 'string';
    case 'integer':
    case 'number':
      return 'number';
    case 'boolean':
      return 'boolean';
    case 'null':
      return 'null';
    case 'array':
      return arrayText(schema, inner);
    case 'object':
      return objectText(schema, direction);
    default:
      return 'unknown';
  }
}

/** The body of an interface, with a comment for each field that has a description. */
export function fieldsText(schema: JsonSchema, direction: Direction): string {
  const required = schema.required ?? [];
  return Object.entries(schema.properties ?? {})
    .map(([name, field]) => {
      const type = typeText(field, direction);
      const mayLack = !required.includes(name);
      const key = /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
      const whole = mayLack && type !== 'unknown' ? `${type} | undefined` : type;
      return `${comment(field.description)}readonly ${key}${mayLack ? '?' : ''}: ${whole};`;
    })
    .join('\n');
}

/** The name that a reference of the document means. */
export function nameOf(reference: string): string {
  return reference.slice(reference.lastIndexOf('/') + 1);
}

/** A text as a docstring; nothing for no text. */
export function comment(text: string | undefined): string {
  if (text === undefined || text === '') return '';
  const lines = text.replaceAll('*/', '* /').split('\n');
  return lines.length === 1
    ? `/** ${lines[0]} */\n`
    : `/**\n${lines.map((line) => ` * ${line}`.trimEnd()).join('\n')}\n */\n`;
}

function arrayText({ items, prefixItems }: JsonSchema, inner: (one: JsonSchema) => string): string {
  if (prefixItems !== undefined) return `readonly [${prefixItems.map(inner).join(', ')}]`;
  const item = inner(items ?? {});
  return /[|&]|^readonly /.test(item) ? `readonly (${item})[]` : `readonly ${item}[]`;
}

function objectText(schema: JsonSchema, direction: Direction): string {
  if (schema.properties !== undefined) return `{\n${fieldsText(schema, direction)}\n}`;
  const values = schema.additionalProperties;
  const of = typeof values === 'object' ? typeText(values, direction) : 'unknown';
  return `Readonly<Record<string, ${of}>>`;
}

function union(parts: readonly string[]): string {
  const known = [...new Set(parts)];
  return known.includes('unknown') ? 'unknown' : known.join(' | ');
}
