/** Who runs the command: kept beside what it changes. */
import { userInfo } from 'node:os';

/** In a container the user may have no name. */
export function whoAmI(): string {
  try {
    return `cli:${userInfo().username}`;
  } catch {
    return 'cli';
  }
}
