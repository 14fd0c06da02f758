/** How a command is added to the program: its name, its words, and what loads it when it is run. */
import { type Command, InvalidArgumentError } from 'commander';

/** A command: gets its options and arguments, answers with the exit code. */
export type Action = (options: never, ...args: never[]) => Promise<number>;

/** Adds a command to one place: to the program, or to a noun such as `job`. */
export type Add = (name: string, about: string, load: () => Promise<Action>) => Command;

/** Makes an `Add` for a parent; `done` hears the exit code. */
export function addTo(parent: Command, done: (code: number) => void): Add {
  return (name, about, load) => {
    const command = parent.command(name).description(about).copyInheritedSettings(parent);
    return command.action(async (...given: unknown[]) => {
      const args = given.slice(0, -2);
      const action = await load();
      done(await action(command.optsWithGlobals<never>(), ...(args as never[])));
    });
  };
}

/** Reads the whole number that an option is given. */
export function toInteger(text: string): number {
  if (/^-?\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a whole number.');
}

/** Reads the number that an option is given. */
export function toNumber(text: string): number {
  if (/^\d{1,9}(?:\.\d{1,6})?$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a number from 0.');
}

/** Gathers the values of an option that may be repeated. */
export function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}
