// docs/generated/state-machine.md: the states, what a live job waits for, and every legal change.
import { nextInWords } from '../../src/domain/next.ts';
import {
  END_STATES,
  GATES,
  STATES,
  type State,
  TRANSITIONS,
  type Transition,
} from '../../src/domain/transitions.ts';
import { heading, table } from './markdown.ts';

const FACTS = { attempt: 1, attemptsMax: 5, crashes: 0 };

/** Renders the page. */
export function renderStateMachine(): string {
  return `${heading('The states of a job', '`src/domain/transitions.ts`')}
\`\`\`mermaid
stateDiagram-v2
${drawing().join('\n')}
\`\`\`

## What a live job waits for

A job that is not finished always says what it waits for and by when that happens: the database refuses a row that does not.

${table(['state', '`waitsFor`', 'what happens next'], waits())}
${ends().join(', ')} are ends: nothing is waited for. They are kept until their retention ends.

## Every change of state

There is no other. *Token*: only the holder of the attempt's token may do it; anybody else is refused and recorded.

${table(['change', 'from', 'to', 'by', 'token', 'meaning'], changes())}`;
}

function drawing(): string[] {
  const arrows = transitions().flatMap(([verb, { from, to }]) =>
    from.flatMap((start) => to.filter((end) => end !== start).map((end) => [start, end, verb])),
  );
  const verbsOf = new Map<string, string[]>();
  for (const [start, end, verb = ''] of arrows) {
    const arrow = `${start} --> ${end}`;
    verbsOf.set(arrow, [...(verbsOf.get(arrow) ?? []), verb]);
  }
  return [
    '  [*] --> pending: enqueue (later, held, or by hand)',
    '  [*] --> queued: enqueue',
    ...[...verbsOf].map(([arrow, verbs]) => `  ${arrow}: ${verbs.join(', ')}`),
    ...ends().map((state) => `  ${state} --> [*]: retention`),
  ];
}

function waits(): string[][] {
  const all: [State, string][] = [
    ...GATES.map((gate): [State, string] => ['pending', gate]),
    ['queued', 'worker'],
    ['running', 'lease'],
  ];
  return all.map(([state, gate]) => [state, `\`${gate}\``, nextInWords(state, gate, FACTS)]);
}

function changes(): string[][] {
  return transitions().map(([verb, { from, to, by, needsToken, meaning }]) => [
    `\`${verb}\``,
    from.join(', '),
    to.join(', '),
    by,
    needsToken ? 'yes' : '',
    meaning,
  ]);
}

function transitions(): [string, Transition][] {
  return Object.entries(TRANSITIONS);
}

function ends(): State[] {
  return STATES.filter((state) => (END_STATES as readonly State[]).includes(state));
}
