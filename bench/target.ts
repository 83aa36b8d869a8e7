/** A server under load, and how to speak to it. */
export interface Target extends AsyncDisposable {
  readonly name: 'product' | 'bare';
  readonly origin: string;
  readonly uploadPath: string;
  attributesPath(fileId: string): string;
  contentPath(fileId: string): string;
  /** Lines of the request head; a fresh token each time, so that none expires in a run. */
  authorize(): Promise<readonly string[]>;
  /** The processes whose work is this target's: name → pid, as they are now. */
  processes(): Promise<Readonly<Record<string, number>>>;
}

export interface BareTarget extends Target {
  readonly name: 'bare';
  /** The same content from a handler that hashes what it sends. */
  hashedContentPath(fileId: string): string;
}

export interface ProductTarget extends Target {
  readonly name: 'product';
  readonly postgresUrl: string;
  readonly temporal: { readonly address: string; readonly namespace: string };
}
