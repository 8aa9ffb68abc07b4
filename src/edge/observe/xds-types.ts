/** The types of resources as people and metrics call them, in the order in which they are sent. */
export const XDS_TYPES: readonly string[] = ['cds', 'eds', 'sds', 'rtds', 'ecds', 'lds', 'rds'];
