import { isRunning, identifyProcess, readCommandLine, readParentPid } from './process-identity.ts';

const intervalMs = 500;

/**
 * Under `npm start` the stack is to end with npm, however npm ends: a signal reaches npm alone when
 * it is sent to npm alone, and between npm and us there is a shell.
 */
export function watchNpm(onEnd: () => void): void {
  const npm = findNpm();
  if (npm === null) return;
  const timer = setInterval(() => {
    if (isRunning(npm)) return;
    clearInterval(timer);
    onEnd();
  }, intervalMs);
  timer.unref();
}

function findNpm(): ReturnType<typeof identifyProcess> {
  const parent = process.ppid;
  for (const pid of [parent, readParentPid(parent)]) {
    if (pid !== null && isNpm(readCommandLine(pid))) return identifyProcess(pid);
  }
  return null;
}

/** npm names itself `npm start` and the like; before that it is node with npm's script. */
function isNpm(commandLine: readonly string[]): boolean {
  const [command = '', script = ''] = commandLine;
  return /^npm\b/.test(command) || /(?:^|\/)npm(?:-cli\.js)?$/.test(script);
}
