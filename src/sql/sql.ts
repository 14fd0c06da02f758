/** SQL as values: a tag that accepts only SQL, and named statements whose values travel as `$n`. */

/** A piece of SQL text that was written in this floor; a plain string is not one. */
export interface Sql {
  readonly text: string;
  /** Makes a plain string a compile error. */
  readonly isSql: true;
}

/** Joins pieces of SQL; interpolating anything but SQL does not compile. */
export function sql(strings: TemplateStringsArray, ...parts: readonly Sql[]): Sql {
  return {
    text: strings.reduce((text, piece, index) => text + (parts[index - 1]?.text ?? '') + piece),
    isSql: true,
  };
}

/** The names of one installation's objects, quoted. */
export interface Names {
  /** The schema itself. */
  readonly schema: Sql;
  /** The schema as a string literal: also the notification channel. */
  readonly literal: Sql;
  readonly jobs: Sql;
  readonly finished: Sql;
  readonly allJobs: Sql;
  readonly attempts: Sql;
  readonly events: Sql;
  readonly workers: Sql;
  readonly claims: Sql;
  readonly jobTypes: Sql;
  readonly queues: Sql;
  readonly findings: Sql;
  readonly ticks: Sql;
  readonly rowErrors: Sql;
  readonly pools: Sql;
  readonly poolDone: Sql;
  readonly limits: Sql;
  readonly limitKeys: Sql;
  readonly fanOuts: Sql;
  readonly executions: Sql;
  readonly keyWindows: Sql;
  readonly pauses: Sql;
  readonly audit: Sql;
  readonly bridges: Sql;
  readonly schedules: Sql;
  readonly requests: Sql;
  readonly deliveries: Sql;
  readonly alerts: Sql;
  readonly tokens: Sql;
  readonly sessions: Sql;
  readonly targets: Sql;
  readonly dispatches: Sql;
  readonly migrations: Sql;
  readonly lockKeys: Sql;
  /** `schema.clock()`: the database's time, moved by tests. */
  readonly now: Sql;
}

/** Makes the names of an installation from its schema, which `parseConfig` has checked. */
export function namesOf(schema: string): Names {
  const name = (object: string): Sql => raw(`"${schema}".${object}`);
  return {
    schema: raw(`"${schema}"`),
    literal: raw(`'${schema}'`),
    jobs: name('jobs'),
    finished: name('finished'),
    allJobs: name('all_jobs'),
    attempts: name('attempts'),
    events: name('events'),
    workers: name('workers'),
    claims: name('claims'),
    jobTypes: name('job_types'),
    queues: name('queues'),
    findings: name('findings'),
    ticks: name('ticks'),
    rowErrors: name('row_errors'),
    pools: name('pools'),
    poolDone: name('pool_done'),
    limits: name('limits'),
    limitKeys: name('limit_keys'),
    fanOuts: name('fan_outs'),
    executions: name('executions'),
    keyWindows: name('key_windows'),
    pauses: name('pauses'),
    audit: name('audit'),
    bridges: name('bridges'),
    schedules: name('schedules'),
    requests: name('requests'),
    deliveries: name('deliveries'),
    alerts: name('alerts'),
    tokens: name('tokens'),
    sessions: name('sessions'),
    targets: name('targets'),
    dispatches: name('dispatches'),
    migrations: name('migrations'),
    lockKeys: name('lock_keys'),
    now: name('clock()'),
  };
}

/** A named statement; `Row` is the shape of what it returns. */
export interface Statement<Row> {
  /** Its name as a prepared statement, in metrics and at the head of its text. */
  readonly name: string;
  /** Its rows are lists of values in the order of their columns, not objects: for what is read hundreds of rows at a time. */
  readonly positional: boolean;
  build(names: Names): Sql;
  /** Types only. */
  readonly $row?: Row;
}

/** Defines a named statement. */
export function statement<Row = Record<string, never>>(
  name: string,
  build: (names: Names) => Sql,
): Statement<Row> {
  const labelled = (names: Names): Sql => raw(`/* unstuck:${name} */ ${build(names).text.trim()}`);
  return { name, positional: false, build: labelled };
}

/** Defines a named statement whose rows are lists of values. The client library makes an object of a row more slowly than a list (decision 017). */
export function positional<Row extends readonly unknown[]>(
  name: string,
  build: (names: Names) => Sql,
): Statement<Row> {
  return { ...statement<Row>(name, build), positional: true };
}

/** Marks text as SQL: only for text made in this floor from checked parts. */
export function raw(text: string): Sql {
  return { text, isSql: true };
}

/** An instant as people read it, to the second, in UTC. */
export const inUtc = (time: Sql): Sql =>
  sql`to_char(${time} at time zone 'utc', 'YYYY-MM-DD HH24:MI:SS "UTC"')`;
