/** The process group of an isolated child: the child leads it, and what its handler starts belongs to it. */

/** Kills every process of a child's group; nothing happens when they are gone. Where there are no groups (Windows), the child alone. */
export function killGroup(leader: number): void {
  try {
    process.kill(process.platform === 'win32' ? leader : -leader, 'SIGKILL');
  } catch {
    // Gone.
  }
}
