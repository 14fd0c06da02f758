// Reads the text format of Prometheus as strictly as its specification, and names what breaks its rules or those of `promtool check metrics`.

/** One value. */
export interface ReadSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What was read. */
export interface Exposition {
  readonly faults: readonly string[];
  /** The type of each family. */
  readonly families: ReadonlyMap<string, string>;
  readonly samples: readonly ReadSample[];
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (\\S+)$`);
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(?:,|$)/;
const NUMBER = /^[+-]?(?:Inf|NaN|\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/i;
/** Units that are not base units, as promtool lists them. */
const UNITS =
  /_(?:ms|us|ns|milliseconds|microseconds|nanoseconds|minutes|hours|days|weeks|kilobytes|megabytes|gigabytes|kb|mb|gb|percent)(?:_|$)/;
const TYPES = new Set(['counter', 'gauge', 'histogram', 'summary', 'untyped']);

/** Reads a whole answer. */
export function parseExposition(text: string): Exposition {
  const faults: string[] = [];
  const helps = new Set<string>();
  const families = new Map<string, string>();
  const samples: ReadSample[] = [];
  const done = new Set<string>();
  let current = '';
  if (!text.endsWith('\n')) faults.push('the last line does not end with a line feed');
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [, kind, name = '', rest = ''] =
      new RegExp(`^# (HELP|TYPE) (${NAME}) (.+)$`).exec(line) ?? [];
    if (kind === 'HELP') {
      if (helps.has(name)) faults.push(`${name}: HELP twice`);
      helps.add(name);
    } else if (kind === 'TYPE') {
      if (families.has(name)) faults.push(`${name}: TYPE twice`);
      if (!TYPES.has(rest)) faults.push(`${name}: no type ${rest}`);
      families.set(name, rest);
    } else if (line.startsWith('#')) faults.push(`cannot be read: ${line}`);
    else {
      const sample = readSample(line);
      if (sample === undefined) {
        faults.push(`cannot be read: ${line}`);
        continue;
      }
      const family = familyOf(sample.name, families);
      if (family === undefined) faults.push(`${sample.name}: no TYPE before it`);
      else if (family !== current) {
        if (done.has(family)) faults.push(`${family}: its values do not stand together`);
        done.add(family);
        current = family;
      }
      samples.push(sample);
    }
  }
  for (const [name, type] of families) faults.push(...faultsOfName(name, type, helps));
  faults.push(...repeated(samples), ...histograms(samples, families));
  return { faults, families, samples };
}

/** The value with exactly these labels. */
export function valueOf(
  samples: readonly ReadSample[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  return samples.find((one) => one.name === name && keyOf(one.labels) === keyOf(labels))?.value;
}

function readSample(line: string): ReadSample | undefined {
  const [, name, inner = '', number = ''] = SAMPLE.exec(line) ?? [];
  if (name === undefined || !NUMBER.test(number)) return undefined;
  const labels: Record<string, string> = {};
  for (let rest = inner; rest !== ''; ) {
    const found = LABEL.exec(rest);
    if (found === null) return undefined;
    const [whole, label = '', value = ''] = found;
    if (label in labels) return undefined;
    labels[label] = value.replaceAll(/\\([\\"n])/g, (_, one) => (one === 'n' ? '\n' : one));
    rest = rest.slice(whole.length);
  }
  return { name, labels, value: Number(number.replace('Inf', 'Infinity')) };
}

function familyOf(name: string, families: ReadonlyMap<string, string>): string | undefined {
  if (families.has(name)) return name;
  const base = name.replace(/_(?:bucket|sum|count)$/, '');
  return families.get(base) === 'histogram' ? base : undefined;
}

function faultsOfName(name: string, type: string, helps: ReadonlySet<string>): string[] {
  return [
    ...(helps.has(name) ? [] : [`${name}: no HELP`]),
    ...((type === 'counter') === name.endsWith('_total')
      ? []
      : [`${name}: _total is for counters, and for all of them`]),
    ...(UNITS.test(name) ? [`${name}: no base unit`] : []),
    ...(/_(?:gauge|counter|histogram|bucket|count|sum)$/.test(name)
      ? [`${name}: its type is no part of a name`]
      : []),
    ...(name !== name.toLowerCase() ? [`${name}: not snake_case`] : []),
  ];
}

function repeated(samples: readonly ReadSample[]): string[] {
  const seen = new Set<string>();
  return samples.flatMap(({ name, labels }) => {
    const key = `${name} ${keyOf(labels)}`;
    if (seen.has(key)) return [`${key}: twice`];
    seen.add(key);
    return [];
  });
}

function histograms(
  samples: readonly ReadSample[],
  families: ReadonlyMap<string, string>,
): string[] {
  return [...families].flatMap(([name, type]) => {
    if (type !== 'histogram') return [];
    const groups = new Map<string, ReadSample[]>();
    for (const sample of samples.filter((one) => one.name === `${name}_bucket`)) {
      const { le: _le, ...rest } = sample.labels;
      groups.set(keyOf(rest), [...(groups.get(keyOf(rest)) ?? []), sample]);
    }
    return [...groups].flatMap(([key, buckets]) => {
      const values = buckets.map(({ value }) => value);
      const count = samples.find(
        (one) => one.name === `${name}_count` && keyOf(one.labels) === key,
      );
      return [
        ...(buckets.at(-1)?.labels['le'] === '+Inf' ? [] : [`${name}: no bucket +Inf at the end`]),
        ...(values.every((value, n) => n === 0 || value >= (values[n - 1] ?? 0))
          ? []
          : [`${name}: its buckets fall`]),
        ...(count?.value === values.at(-1) ? [] : [`${name}: the count is not that of +Inf`]),
      ];
    });
  });
}

function keyOf(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
