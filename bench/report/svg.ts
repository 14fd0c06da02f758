/** The little SVG that the charts need: escaped text, and colours for light and dark pages. */

/** Returns a whole picture; the colours follow the reader's page. */
export function picture(
  width: number,
  height: number,
  title: string,
  body: readonly string[],
): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(title)}">
<style>
text { font: 12px system-ui, sans-serif; fill: #24292f }
.head { font-weight: 600; font-size: 14px }
.quiet { fill: #57606a }
.own { fill: #0969da } .peer { fill: #8c959f } .floor { fill: #d0d7de }
.line { fill: none; stroke-width: 2 } .first { stroke: #0969da } .second { stroke: #bc4c00 }
.dot-first { fill: #0969da } .dot-second { fill: #bc4c00 }
.axis { stroke: #d0d7de; stroke-width: 1 }
.on-own { fill: #ffffff; font-size: 11px } .on-grey { font-size: 11px }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .quiet { fill: #9198a1 }
  .own { fill: #4493f8 } .peer { fill: #6e7681 } .floor { fill: #3d444d }
  .first { stroke: #4493f8 } .second { stroke: #f0883e } .dot-first { fill: #4493f8 } .dot-second { fill: #f0883e }
  .axis { stroke: #3d444d }
}
</style>
${body.join('\n')}
</svg>
`;
}

/** How a text stands. */
export interface TextStyle {
  readonly style?: 'head' | 'quiet' | 'dot-first' | 'dot-second' | 'on-own' | 'on-grey';
  readonly anchor?: 'start' | 'middle' | 'end';
}

/** Returns a text at a point. */
export function text(
  x: number,
  y: number,
  words: string,
  { style, anchor }: TextStyle = {},
): string {
  const kind = style === undefined ? '' : ` class="${style}"`;
  const stands = anchor === undefined ? '' : ` text-anchor="${anchor}"`;
  return `<text x="${round(x)}" y="${round(y)}"${kind}${stands}>${escaped(words)}</text>`;
}

/** Returns a coordinate with one digit behind the point. */
export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
