/** Parse option: one option of any table, given in code or by its environment variable, checked against its bounds. */
import { parseDuration } from '../std/duration.ts';
import { shown } from '../std/shown.ts';
import { unstuckError } from './errors.ts';

/** A duration option: stored as milliseconds. */
interface DurationOption {
  readonly kind: 'duration';
  readonly default: string;
  readonly min: string;
  readonly max: string;
}
interface NumberOption {
  readonly kind: 'number';
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly unit: string;
}
interface ChoiceOption {
  readonly kind: 'choice';
  readonly default: string;
  readonly choices: readonly string[];
}
interface SwitchOption {
  readonly kind: 'switch';
  readonly default: boolean;
}
interface TextOption {
  readonly kind: 'text';
  readonly default: string;
  /** Of the whole text. */
  readonly pattern: string;
  /** What it matches, in words; without them people are shown the pattern. */
  readonly accepts?: string;
  /** Whether its value must not be repeated in messages. */
  readonly secret?: boolean;
}
/** An option of any kind, with what it is for. */
export type Option = (DurationOption | NumberOption | ChoiceOption | SwitchOption | TextOption) & {
  readonly about: string;
  /** Its environment variable, where that does not follow from its name. */
  readonly variable?: string;
};

/** Returns the environment variable of an option: `UNSTUCK_` and its name in capitals. */
export function environmentName(name: string): string {
  return `UNSTUCK_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/** Parses one option: given, else from the environment, else its default. Throws OPTION_INVALID, naming it. */
export function parseOption(
  name: string,
  option: Option,
  given: unknown,
  environment: Readonly<Record<string, string | undefined>>,
): unknown {
  if (given !== undefined) return parse(option, given, `option ${name}`);
  const variable = option.variable ?? environmentName(name);
  const text = environment[variable];
  if (text !== undefined && text !== '') return parse(option, fromText(option, text), variable);
  return parse(option, option.default, `option ${name}`);
}

function fromText(option: Option, text: string): unknown {
  if (option.kind === 'number') return Number(text);
  if (option.kind === 'duration' && /^\d+$/.test(text)) return Number(text);
  if (option.kind === 'switch')
    return (
      {
        true: true,
        on: true,
        '1': true,
        yes: true,
        false: false,
        off: false,
        '0': false,
        no: false,
      }[text.toLowerCase()] ?? text
    );
  return text;
}

function parse(option: Option, raw: unknown, where: string): unknown {
  const parsed = option.kind === 'duration' ? parseDuration(raw) : raw;
  if (fits(option, parsed)) return parsed;
  throw unstuckError(
    'OPTION_INVALID',
    `Expected ${where} to be ${expected(option)}, got ${'secret' in option ? 'another value' : shown(raw)}.`,
    { detail: { option: where } },
  );
}

function fits(option: Option, parsed: unknown): boolean {
  switch (option.kind) {
    case 'duration':
      return (
        typeof parsed === 'number' &&
        parsed >= (parseDuration(option.min) ?? 0) &&
        parsed <= (parseDuration(option.max) ?? 0)
      );
    case 'number':
      return (
        Number.isInteger(parsed) &&
        (parsed as number) >= option.min &&
        (parsed as number) <= option.max
      );
    case 'switch':
      return typeof parsed === 'boolean';
    case 'choice':
      return typeof parsed === 'string' && option.choices.includes(parsed);
    case 'text':
      return typeof parsed === 'string' && new RegExp(option.pattern).test(parsed);
  }
}

/** Says in words what an option accepts. */
export function expected(option: Option): string {
  switch (option.kind) {
    case 'duration':
      return `a duration from ${option.min} to ${option.max} such as '${option.default}'`;
    case 'number':
      return `a whole number from ${option.min} to ${option.max} (${option.unit})`;
    case 'switch':
      return 'true or false';
    case 'choice':
      return `one of ${option.choices.join(', ')}`;
    case 'text':
      return option.accepts ?? `a text that matches ${option.pattern}`;
  }
}
