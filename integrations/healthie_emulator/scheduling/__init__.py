"""Group seats, recurring visits, requests for visits, bookings by patients themselves: scheduling beyond single visits."""
