/** Node's word for what went wrong with a file: `ENOENT`, `EEXIST`, `ENOSPC`; undefined for other errors. */
export function errorCode(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : undefined;
}
