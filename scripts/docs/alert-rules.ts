// docs/generated/alert-rules.md: every kind of alert rule with its defaults and parameters.
import {
  DEFAULT_RULES,
  RULE_KINDS,
  type RuleKindFacts,
  type RuleParameter,
} from '../../src/domain/alert-rules.ts';
import { heading, table } from './markdown.ts';

/** Renders the page. */
export function renderAlertRules(): string {
  const kinds = Object.entries<RuleKindFacts>(RULE_KINDS);
  const usual = new Set<string>(DEFAULT_RULES.map(({ kind }) => kind));
  const rows = kinds.map(([kind, { about, subject, severity, for: length }]) => [
    `\`${kind}\``,
    about,
    subject,
    severity,
    length,
    usual.has(kind) ? 'yes' : 'no',
  ]);
  const parameters = kinds.flatMap(([kind, facts]) =>
    Object.entries(facts.parameters).map(([name, parameter]) => [
      `\`${kind}\``,
      `\`${name}\``,
      acceptedBy(parameter),
      parameter.default === null ? 'all' : `\`${parameter.default}\``,
      parameter.about,
    ]),
  );
  return `${heading('Alert rules', '`src/domain/alert-rules.ts`')}
What each kind of rule looks for. "usual" are those of a definition that gives no rules.

${table(['kind', 'it fires when', 'subject', 'severity', '`for`', 'usual'], rows)}
## Parameters

${table(['kind', 'parameter', 'accepts', 'default', 'meaning'], parameters)}`;
}

function acceptedBy({ kind }: RuleParameter): string {
  return {
    duration: 'a duration up to 365d',
    number: 'a whole number from 1 to 1,000,000',
    share: 'a number above 0 and up to 1',
    names: 'a list of names',
  }[kind];
}
