// Line drawings, 20 by 20. They repeat what the words beside them say, so screen readers skip them.
import type { JSX } from 'preact';

function Icon({ children, name }: { children: JSX.Element | JSX.Element[]; name: string }) {
  return (
    <svg class={`icon icon-${name}`} viewBox="0 0 20 20" width="20" height="20" fill="none" stroke="currentColor"
      stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">
      {children}
    </svg>
  );
}

export const Inbound = () => <Icon name="inbound"><path d="M15 5 5.5 14.5M5.5 7.5v7h7" /></Icon>;
export const Outbound = () => <Icon name="outbound"><path d="M5 15l9.5-9.5M14.5 12.5v-7h-7" /></Icon>;
export const Internal = () => <Icon name="internal"><path d="M4 7.5h11.5M12.5 4.5l3 3-3 3M16 12.5H4.5M7.5 15.5l-3-3 3-3" /></Icon>;
export const Missed = () => <Icon name="missed"><path d="M4 6l6 6 6.5-6.5M4 10.500V6h4.500" /></Icon>;
export const Phone = () => <Icon name="phone"><path d="M4 4.500c0 6.100 5.400 11.500 11.500 11.500l.5-3-3.700-1.500-1.500 1.500c-1.600-.9-2.900-2.200-3.800-3.800l1.500-1.500L7 4z" /></Icon>;
export const Search = () => <Icon name="search"><path d="M13.500 13.500 17 17" /><circle cx="9" cy="9" r="5.200" /></Icon>;
export const Again = () => <Icon name="again"><path d="M4 10a6 6 0 1 0 2-4.500L4 7.200M4 3.700v3.500h3.500" /></Icon>;
export const Pen = () => <Icon name="pen"><path d="M4 16l.8-3.200L13.300 4.300l2.400 2.400-8.500 8.500zM11.500 6.100l2.400 2.400" /></Icon>;
export const Back = () => <Icon name="back"><path d="M12 4.500 6.500 10l5.500 5.500" /></Icon>;
export const Check = () => <Icon name="check"><path d="M4.500 10.500 8.500 14.500 15.500 6" /></Icon>;
export const Alert = () => <Icon name="alert"><path d="M10 3.500 17.500 16.500h-15zM10 8.500v3.500M10 14.300v.01" /></Icon>;
export const Chevron = () => <Icon name="chevron"><path d="M7.500 5l5 5-5 5" /></Icon>;
