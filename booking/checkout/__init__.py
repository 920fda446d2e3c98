"""The checkout: from a held slot and a frozen quote to a paid and booked visit, or everything given back."""
