export function operationPath(operationId: string): string {
  return `/operations/${encodeURIComponent(operationId)}`;
}
