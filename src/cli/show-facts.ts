/** Facts on the screen: what is known of one thing, a line for each. */
import type { Screen } from './screen.ts';

/** One fact: its name and its value; null when there is none. */
export type Fact = readonly [name: string, value: string | null];

/** Writes facts aligned for a person, tab-separated for a program; those that are null are left out. */
export function showFacts(screen: Screen, facts: readonly Fact[]): void {
  for (const [name, value] of facts) {
    if (value === null) continue;
    screen.line(
      screen.tty ? `${screen.paint(name.padEnd(12), 'gray')} ${value}` : `${name}\t${value}`,
    );
  }
}
