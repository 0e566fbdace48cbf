"""What every room needs: settings, database, queue, HTTP funnel, limits. Knows no vendor beyond its name."""
