/** The door `unstuck/testing`: re-exports only. */
export { moveClock, resetClock } from './clock.ts';
export type { DrainOptions } from './drain.ts';
export { drain } from './drain.ts';
export type { HandlerCall } from './run-handler.ts';
export { runHandler } from './run-handler.ts';
