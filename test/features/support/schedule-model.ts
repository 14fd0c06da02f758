// What a schedule must do, said a second time and naively: whole minutes, one process, no database. The property test compares.
/** The settings that a test changes. */
export interface Settings {
  /** Minutes. */
  readonly every: number;
  readonly missed: 'skip' | 'once' | 'all';
  readonly missedMax: number;
  readonly overlap: 'skip' | 'allow' | 'replace';
}

/** A run that has not ended: its time, and whether it has the key of the schedule. */
interface LiveRun {
  readonly at: number;
  readonly keyed: boolean;
}

/** A schedule whose times are the minutes that `every` divides. */
export class ScheduleModel {
  settings: Settings;
  now = 0;
  next: number;
  fired: number[] = [];
  last: number | null = null;
  missed = 0;
  skipped = 0;
  live: LiveRun[] = [];
  pause: { readonly until: number | null } | undefined;
  #computed = 0;

  constructor(settings: Settings) {
    this.settings = settings;
    this.next = settings.every;
  }

  set(settings: Settings): void {
    if (settings.every !== this.settings.every) this.#goOn(settings.every);
    this.settings = settings;
  }

  resume(): void {
    if (this.pause === undefined) return;
    this.pause = undefined;
    if (this.next > this.now) this.#computed = this.now;
    else this.#goOn(this.settings.every);
  }

  end(at: number): void {
    this.live = this.live.filter((run) => run.at !== at);
  }

  sweep(): void {
    if (this.next > this.now && this.#computed <= this.now) return;
    const times: number[] = [];
    for (let at = this.next; at <= this.now; at += this.settings.every) times.push(at);
    const silent = this.pause === undefined ? -Infinity : (this.pause.until ?? Infinity);
    const heard = times.filter((at) => at >= silent);
    const chosen = this.#choose(heard);
    this.missed += heard.length - chosen.length;
    for (const at of this.#distinct(chosen)) this.#fire(at);
    if (this.pause?.until != null && this.pause.until <= this.now) this.pause = undefined;
    this.#goOn(this.settings.every);
  }

  #choose(times: readonly number[]): readonly number[] {
    const { missed, missedMax } = this.settings;
    const onTime = times.filter((at) => at === this.now);
    const passed = times.filter((at) => at !== this.now);
    if (missed === 'skip') return onTime;
    if (missed === 'all') return [...passed.slice(-missedMax), ...onTime];
    return onTime.length > 0 ? onTime : passed.slice(-1);
  }

  /** Those that have no run yet; of a schedule that replaces, the latest only. */
  #distinct(chosen: readonly number[]): readonly number[] {
    const kept = this.settings.overlap === 'replace' ? chosen.slice(-1) : chosen;
    this.skipped += chosen.length - kept.length;
    return kept.filter((at) => !this.fired.includes(at));
  }

  #fire(at: number): void {
    const { overlap } = this.settings;
    if (overlap === 'replace') this.live = this.live.filter(({ keyed }) => !keyed);
    if (overlap === 'skip' && this.live.some(({ keyed }) => keyed)) {
      this.skipped += 1;
      return;
    }
    this.fired.push(at);
    this.last = at;
    this.live.push({ at, keyed: overlap !== 'allow' });
  }

  #goOn(every: number): void {
    this.next = (Math.floor(this.now / every) + 1) * every;
    this.#computed = this.now;
  }
}
