/** A path of the API; whatever was typed as an id stays one segment of it. */
export function filePath(fileId: string): string {
  return `/files/${encodeURIComponent(fileId)}`;
}
