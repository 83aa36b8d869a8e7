/** One part that the process depends on. */
export interface ComponentHealth {
  readonly name: string;
  /** Without it the instance is not ready; others are only reported. */
  readonly isRequired: boolean;
  /** Resolves when the part answers. */
  check(signal: AbortSignal): Promise<void>;
}
