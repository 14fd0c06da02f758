/** In which order the cells run: systems take turns, and rounds are outermost, so that a disturbance hits all alike. */
import { CONFIGS } from '../systems/configs.ts';
import { WORKLOADS } from '../workloads/all.ts';
import type { Options } from './options.ts';
import type { CellPlan } from './run-cell.ts';

/** A cell and its round. */
export interface Turn extends CellPlan {
  readonly round: number;
}

/** Returns every cell of a run, in order. */
export function planRun(options: Options): readonly Turn[] {
  return Array.from({ length: options.rounds }, (_, at) => at + 1).flatMap((round) =>
    planRound(options, round),
  );
}

function planRound(options: Options, round: number): readonly Turn[] {
  const { scale } = options;
  return WORKLOADS.filter(
    ({ name, roundsMax }) => options.only.has(name) && round <= roundsMax[scale],
  )
    .flatMap((workload) => workload.syncs.map((sync) => ({ workload, sync })))
    .filter(({ sync }) => options.series.has(sync))
    .flatMap(({ workload, sync }) =>
      workload
        .variants(scale)
        .flatMap((variant) =>
          CONFIGS.filter(
            (config) =>
              options.systems.has(config.system) &&
              (scale === 'check' ? config.check : config.rows).includes(workload.name) &&
              workload.skips?.(config, variant, scale) !== true,
          ).map((config) => ({ workload, sync, variant, config, scale, round })),
        ),
    );
}

/** Returns the turns in groups that run at the same time: one by one, but all that only wait together. */
export function groupTurns(turns: readonly Turn[]): readonly (readonly Turn[])[] {
  const groups: Turn[][] = [];
  for (const turn of turns) {
    const last = groups.at(-1);
    const first = last?.[0];
    const joins =
      turn.workload.together === true &&
      first?.workload === turn.workload &&
      first.round === turn.round &&
      first.sync === turn.sync;
    if (joins) last?.push(turn);
    else groups.push([turn]);
  }
  return groups;
}
