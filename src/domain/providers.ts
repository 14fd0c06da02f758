/** Providers: who does the work of an attempt, when several can: each is tried so often, then the next. */
import { shown } from '../std/shown.ts';
import { unstuckError } from './errors.ts';
import { isStorableText } from './payload.ts';

/** The providers of a type in the order in which they are tried, or a function of the input that lists them. */
export type ProvidersOption<Input = never> =
  | readonly string[]
  | ((input: Input) => readonly string[]);

const PROVIDERS_MAX = 20;

/** Checks a list of providers. Throws PROVIDERS_INVALID. */
export function checkProviders(list: unknown, where: string): readonly string[] {
  const good =
    Array.isArray(list) &&
    list.length >= 1 &&
    list.length <= PROVIDERS_MAX &&
    list.every((name) => typeof name === 'string' && name !== '' && isStorableText(name));
  if (good) return list;
  throw unstuckError(
    'PROVIDERS_INVALID',
    `Expected providers of ${where} to be a list of 1 to ${PROVIDERS_MAX} names, got ${shown(list)}.`,
  );
}

/** Returns the providers for an input. Throws PROVIDERS_INVALID. */
export function providersOf(
  option: ProvidersOption,
  input: unknown,
  where: string,
): readonly string[] {
  return typeof option === 'function' ? checkProviders(option(input as never), where) : option;
}

/** Returns the provider of an attempt (1 for the first), each of which gets `attemptsEach`; the last one keeps what is more. */
export function providerOf(
  providers: readonly string[],
  attempt: number,
  attemptsEach: number,
): string {
  const index = Math.floor((attempt - 1) / attemptsEach);
  return providers[Math.min(index, providers.length - 1)] as string;
}
