import type { JsonObject } from '#domain/json.ts';
import { isJsonObject } from '#domain/strict-json.ts';
import { CliError, ProblemError } from './cli-error.ts';
import { exitCodes } from './exit-codes.ts';
import { printable } from './printable.ts';

/** A problem of RFC 9457 with the exit code added. */
export function describeError(error: unknown): JsonObject {
  if (error instanceof ProblemError) return { ...error.problem, exit_code: error.exitCode };
  if (error instanceof CliError) {
    return { type: 'about:blank', title: error.message, exit_code: error.exitCode };
  }
  return { type: 'about:blank', title: internalMessage(error), exit_code: exitCodes.internal };
}

export function renderError(error: unknown): string {
  if (error instanceof ProblemError) return renderProblem(error);
  if (error instanceof CliError) return printable(error.message);
  const stack = error instanceof Error ? error.stack : undefined;
  return `A fault in this command: ${stack ?? internalMessage(error)}`;
}

function renderProblem({ message, problem }: ProblemError): string {
  const lines = [printable(message)];
  const { errors, instance, operation_id: operationId } = problem;
  for (const fault of Array.isArray(errors) ? errors : []) {
    if (!isJsonObject(fault)) continue;
    const { pointer, message: text } = fault;
    lines.push(printable(`  ${asText(pointer)}: ${asText(text)}`));
  }
  if (operationId !== undefined) lines.push(printable(`  operation ${asText(operationId)}`));
  if (instance !== undefined) {
    lines.push(printable(`  request ${asText(instance).replace(/^urn:request:/, '')}`));
  }
  return lines.join('\n');
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function internalMessage(error: unknown): string {
  return error instanceof Error ? error.message : 'something that is no error was thrown';
}
