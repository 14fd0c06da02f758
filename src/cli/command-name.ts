/** How this very command is called: by an npm script in the repository, else installed. */
export function commandName(): string {
  return import.meta.url.endsWith('.ts') ? 'npm run unstuck --' : 'npx unstuck';
}
