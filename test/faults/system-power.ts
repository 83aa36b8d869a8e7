import { processesOn } from '#test/support/embedded-process.ts';
import { waitUntil } from './system-wait.ts';

/** The processes of a machine without power do nothing any more. */
export async function killAll(dataDirectory: string, known: readonly number[] = []): Promise<void> {
  for (const pid of known) kill(pid);
  await waitUntil('every process is gone', () => {
    const pids = [...known, ...processesOn(dataDirectory)];
    return pids.filter(kill).length === 0;
  });
}

/** @returns whether it was still there. */
function kill(pid: number): boolean {
  try {
    process.kill(pid, 'SIGKILL');
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}
