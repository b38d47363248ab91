/** What is measured, in the order in which it is. */
export const parts = ["imports", "rates", "subscribers", "cuts", "repair", "sustained"] as const

export type Part = (typeof parts)[number]
