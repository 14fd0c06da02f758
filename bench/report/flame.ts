/** Flame charts: where the time of one thread went, from a CPU profile of V8, widest on top of what called it. */
import type { Profiler } from 'node:inspector';
import { picture, round, text } from './svg.ts';

const WIDTH = 960;
const ROW = 17;
const TOP = 34;
const ROWS_MAX = 26;
const NARROWEST = 1.5;
const CHAR = 6.4;
/** What V8 calls the time without JavaScript. */
const IDLE: ReadonlySet<string> = new Set(['(idle)', '(program)', '(root)']);

interface Frame {
  readonly name: string;
  readonly style: 'own' | 'peer' | 'floor';
  micros: number;
  readonly callees: Map<string, Frame>;
}

/** How the time of a profile was spent. */
export interface Flame {
  readonly svg: string;
  /** The share of the time in which the thread ran JavaScript or collected garbage. */
  readonly busy: number;
}

/** Draws the busy time of a profile as SVG; the callers are above their callees. */
export function renderFlame(profile: Profiler.Profile, title: string): Flame {
  const { root, idleMicros } = gather(profile);
  const busy = root.micros / (root.micros + idleMicros);
  const body = draw(root, { x: 0, depth: 0, perMicro: WIDTH / root.micros });
  const depth = Math.max(...body.map((one) => one.depth));
  const legend = `${title}: ${Math.round(busy * 100)} % of a core; blue: Unstuck, strong grey: its libraries and the benchmark, faint grey: Node`;
  const svg = picture(WIDTH, TOP + (depth + 1) * ROW + 8, title, [
    text(8, 20, legend, { style: 'quiet' }),
    ...body.map((one) => one.svg),
  ]);
  return { svg, busy };
}

/** Adds the samples up by call stack; frames of the same name under the same caller are one. */
function gather(profile: Profiler.Profile): { root: Frame; idleMicros: number } {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const callers = new Map(
    profile.nodes.flatMap((node) =>
      (node.children ?? []).map((child) => [child, node.id] as const),
    ),
  );
  const root: Frame = { name: '', style: 'floor', micros: 0, callees: new Map() };
  let idleMicros = 0;
  for (const [at, sample] of (profile.samples ?? []).entries()) {
    const micros = profile.timeDeltas?.[at] ?? 0;
    const stack: Profiler.ProfileNode[] = [];
    for (let id: number | undefined = sample; id !== undefined; id = callers.get(id)) {
      const node = nodes.get(id);
      if (node !== undefined) stack.unshift(node);
    }
    if (IDLE.has(stack.at(-1)?.callFrame.functionName ?? '')) {
      idleMicros += micros;
      continue;
    }
    let frame = root;
    frame.micros += micros;
    for (const { callFrame } of stack.slice(1)) {
      frame = callee(frame, callFrame.functionName, callFrame.url);
      frame.micros += micros;
    }
  }
  return { root, idleMicros };
}

function callee(caller: Frame, functionName: string, url: string): Frame {
  const file = url
    .split('/')
    .slice(-2)
    .join('/')
    .replace(/\.(js|ts|mjs|cjs)$/, '');
  const name = `${functionName === '' ? '(anonymous)' : functionName}${file === '' ? '' : ` ${file}`}`;
  const known = caller.callees.get(name);
  if (known !== undefined) return known;
  const frame: Frame = { name, style: styleOf(url), micros: 0, callees: new Map() };
  caller.callees.set(name, frame);
  return frame;
}

function styleOf(url: string): Frame['style'] {
  if (!url.startsWith('file:')) return url.startsWith('/') ? 'peer' : 'floor';
  return url.includes('/dist/') && !url.includes('/node_modules/') ? 'own' : 'peer';
}

interface Place {
  readonly x: number;
  readonly depth: number;
  readonly perMicro: number;
}

function draw(
  frame: Frame,
  { x, depth, perMicro }: Place,
): readonly { readonly svg: string; readonly depth: number }[] {
  let left = x;
  const drawn: { svg: string; depth: number }[] = [];
  for (const one of [...frame.callees.values()].toSorted((a, b) => b.micros - a.micros)) {
    const width = one.micros * perMicro;
    if (width < NARROWEST || depth >= ROWS_MAX) continue;
    drawn.push({ svg: box(one, { left, width, depth }), depth });
    drawn.push(...draw(one, { x: left, depth: depth + 1, perMicro }));
    left += width;
  }
  return drawn;
}

function box(
  { name, style }: Frame,
  { left, width, depth }: { left: number; width: number; depth: number },
): string {
  const y = TOP + depth * ROW;
  const room = Math.floor((width - 6) / CHAR);
  const words = name.length > room ? `${name.slice(0, Math.max(0, room - 1))}…` : name;
  const label =
    room < 4
      ? ''
      : text(left + 3, y + 12, words, { style: style === 'own' ? 'on-own' : 'on-grey' });
  return `<rect class="${style}" x="${round(left)}" y="${y}" width="${round(width - 0.5)}" height="${ROW - 1}"/>${label}`;
}
