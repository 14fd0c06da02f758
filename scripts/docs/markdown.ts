// Tables in Markdown, and the line that says where a page comes from.

/** The first lines of a generated page. */
export function heading(title: string, from: string): string {
  return `# ${title}\n\n<!-- Written by \`npm run docs\` from ${from}: change that, not this page. -->\n`;
}

/** A table; cells may hold any text but line breaks. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => row(cells));
  return `${lines.join('\n')}\n`;
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
