"""Groups of tags that many requests share."""

PAGES = "pagina:i registros_por_pagina:i"
N_PAGES = "nPagina:i nRegPorPagina:i"
FLAGS = "filtrar_apenas_inclusao:f filtrar_apenas_alteracao:f"
DATES = f"filtrar_por_data_de:s10 filtrar_por_data_ate:s10 {FLAGS}"
HOURS = "filtrar_por_hora_de:s8 filtrar_por_hora_ate:s8"
ORDER = "apenas_importado_api:f ordenar_por:s"
AUDIT = "dInc:s hInc:s uInc:s dAlt:s hAlt:s uAlt:s"
