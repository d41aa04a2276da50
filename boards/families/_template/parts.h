/* What hal_init() starts. */
#ifndef WASMOTE_TEMPLATE_PARTS_H
#define WASMOTE_TEMPLATE_PARTS_H

void time_start(void);
void time_alarm(void);
void uart_start(void);

#endif
