/** Notice: what whoever asks for a job is told of the remote worker that is to do it. */
import { snakeJson } from '../domain/json.ts';
import type { Api } from './api.ts';

/** Why jobs of a type are done later, or null; what cannot be read is not told, since the job is stored. Never rejects. */
export async function readNotice({ unstuck }: Api, type: string): Promise<unknown> {
  return unstuck.targets.noticeFor(type).then(snakeJson, (error: unknown) => {
    unstuck.log.warn('notice_not_read', { type, error });
    return null;
  });
}
