/** How the command ends. Scripts depend on these numbers: they never change their meaning. */
export const exitCodes = {
  ok: 0,
  someFailed: 1,
  usage: 2,
  denied: 3,
  notFound: 4,
  conflict: 5,
  unavailable: 6,
  operationEnded: 7,
  local: 8,
  damaged: 9,
  internal: 70,
  interrupted: 130,
  brokenPipe: 141,
  terminated: 143,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

const meanings = {
  ok: 'Done',
  someFailed: 'Of several items some failed; the others were done',
  usage: 'The command, or what it sends, is not valid (HTTP 400, 413, 415, 422)',
  denied: 'Not logged in, or not allowed (401, 403)',
  notFound: 'There is no such thing, or no longer (404, 410)',
  conflict: 'The state of the thing forbids it, or it was changed meanwhile (409, 412, 428)',
  unavailable:
    'The server cannot be reached or has no room, or the time is over (429, 503, 504, 507)',
  operationEnded: 'The operation that was waited for has failed or was cancelled',
  local: 'A file of this machine cannot be read or written',
  damaged: 'A digest is wrong, an answer is not one of this API, or the server failed (500)',
  internal: 'A fault in the command itself',
  interrupted: 'Ctrl-C; operations that were started go on',
  brokenPipe: 'Whoever reads the output has stopped reading',
  terminated: 'Ended by SIGTERM; operations that were started go on',
} as const satisfies Record<keyof typeof exitCodes, string>;

export function renderExitCodes(): string {
  const rows = Object.entries(exitCodes).map(
    ([name, code]) => `  ${String(code).padStart(3)}  ${meanings[name as keyof typeof meanings]}`,
  );
  return [
    'Exit codes:',
    ...rows,
    '',
    'A command for one item ends with the code of what went wrong; one for several items',
    'ends with 1 when some of them failed.',
  ].join('\n');
}

const codeOfStatus: Readonly<Record<number, ExitCode>> = {
  401: exitCodes.denied,
  403: exitCodes.denied,
  404: exitCodes.notFound,
  408: exitCodes.unavailable,
  409: exitCodes.conflict,
  410: exitCodes.notFound,
  412: exitCodes.conflict,
  428: exitCodes.conflict,
  429: exitCodes.unavailable,
  502: exitCodes.unavailable,
  503: exitCodes.unavailable,
  504: exitCodes.unavailable,
  507: exitCodes.unavailable,
};

/** @param status of an answer that is not the one that was asked for */
export function exitCodeOfStatus(status: number): ExitCode {
  const isFaultOfRequest = status >= 400 && status < 500;
  return codeOfStatus[status] ?? (isFaultOfRequest ? exitCodes.usage : exitCodes.damaged);
}
