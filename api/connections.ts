import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { DomainError } from '#domain/errors.ts';
import { limits } from '#domain/limits.ts';

/** What is known about a connection beside the requests on it. */
interface ConnectionState {
  /** Requests whose answer has not gone out. */
  inFlight: number;
  /** What the parser of HTTP met behind the head of a request that is still being handled. */
  fault: DomainError | null;
  readonly onFault: Set<() => void>;
}

const states = new WeakMap<Socket, ConnectionState>();

function stateOf(socket: Socket): ConnectionState {
  let state = states.get(socket);
  if (state === undefined) {
    state = { inFlight: 0, fault: null, onFault: new Set() };
    states.set(socket, state);
  }
  return state;
}

export function trackRequest(req: IncomingMessage, res: ServerResponse): void {
  const state = stateOf(req.socket);
  state.inFlight += 1;
  res.once('close', () => {
    state.inFlight -= 1;
  });
}

/**
 * Bytes that are not HTTP behind a request whose handler still runs: its body was cut, or longer
 * than declared. @returns false when no request is there to be told.
 */
export function reportFault(socket: Socket, fault: DomainError): boolean {
  const state = stateOf(socket);
  if (state.inFlight === 0) return false;
  state.fault ??= fault;
  for (const tell of state.onFault) tell();
  return true;
}

export function faultOf(req: IncomingMessage): DomainError | null {
  return states.get(req.socket)?.fault ?? null;
}

/** @returns a function that stops listening. */
export function onFault(req: IncomingMessage, listener: () => void): () => void {
  const { onFault } = stateOf(req.socket);
  onFault.add(listener);
  return () => {
    onFault.delete(listener);
  };
}

/** @throws BODY_INCOMPLETE when the body turned out to be longer than it was declared. */
export function requireWholeBody(req: IncomingMessage): void {
  const fault = faultOf(req);
  if (fault !== null) throw fault;
  if (!req.complete) throw incompleteBody();
}

export function incompleteBody(cause?: unknown): DomainError {
  return new DomainError(
    'BODY_INCOMPLETE',
    'The body ended before its end, or went on after its declared length.',
    { cause },
  );
}

/** A connection whose request was not read to its end cannot carry another one. */
export function mustClose(req: IncomingMessage): boolean {
  return !req.complete || faultOf(req) !== null;
}

/**
 * Node destroys a connection right after the answer; with bytes of the body still arriving the
 * peer's kernel then throws our answer away. So: end our half, discard what arrives for a while,
 * then destroy.
 */
export function lingerAfterAnswer(req: IncomingMessage): void {
  const { socket } = req;
  socket.destroySoon = () => {
    socket.end();
    req.resume();
    const timer = setTimeout(() => socket.destroy(), limits.lingerMs);
    socket.once('end', () => socket.destroy());
    socket.once('close', () => clearTimeout(timer));
  };
}
