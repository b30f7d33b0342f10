/** How often the process looks at its own event loop, in ms. By default 110 times a second, which is most of what an idle worker does. */
export const LOOP_DELAY_EVERY_MS = 50

export const SELDOM = { eventLoopMonitoringPrecision: LOOP_DELAY_EVERY_MS, eventLoopUtilizationTimeout: 1_000 } as const
