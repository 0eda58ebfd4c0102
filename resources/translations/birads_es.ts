<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="es" sourcelanguage="en">
<context>
    <name></name>
    <message>
        <source>reader {own}, model {said}: {count}</source>
        <translation>lector {own}, modelo {said}: {count}</translation>
    </message>
    <message>
        <source>Reader&apos;s category against the model&apos;s</source>
        <translation>Categoría del lector frente a la del modelo</translation>
    </message>
    <message>
        <source>no readings</source>
        <translation>sin lecturas</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>Modelo</translation>
    </message>
    <message>
        <source>Structured report</source>
        <translation>Informe estructurado</translation>
    </message>
    <message>
        <source>Presentation state: window and drawings</source>
        <translation>Estado de presentación: ventana y dibujos</translation>
    </message>
    <message>
        <source>Segmentation of the region of high attention</source>
        <translation>Segmentación de la región de mucha atención</translation>
    </message>
    <message>
        <source>Picture with the heat-map</source>
        <translation>Imagen con el mapa de calor</translation>
    </message>
    <message>
        <source>Key object selection: images you drew on</source>
        <translation>Selección de objetos clave: imágenes en que dibujó</translation>
    </message>
    <message>
        <source>Mammography CAD SR</source>
        <translation>Mammography CAD SR</translation>
    </message>
    <message>
        <source>the model</source>
        <translation>el modelo</translation>
    </message>
    <message>
        <source>you</source>
        <translation>usted</translation>
    </message>
    <message>
        <source>waiting</source>
        <comment>to be sent</comment>
        <translation>en espera</translation>
    </message>
    <message>
        <source>taken, to be confirmed</source>
        <translation>aceptado, por confirmar</translation>
    </message>
    <message>
        <source>refused</source>
        <translation>rechazado</translation>
    </message>
    <message>
        <source>Send results</source>
        <translation>Enviar resultados</translation>
    </message>
    <message>
        <source>What is sent</source>
        <translation>Qué se envía</translation>
    </message>
    <message>
        <source>Queue</source>
        <comment>of objects to be sent</comment>
        <translation>Cola</translation>
    </message>
    <message>
        <source>Send to</source>
        <translation>Enviar a</translation>
    </message>
    <message>
        <source>Reader</source>
        <translation>Lector</translation>
    </message>
    <message>
        <source>reports as an older PACS takes them</source>
        <translation>informes como los acepta un PACS antiguo</translation>
    </message>
    <message>
        <source>Comprehensive SR instead of Comprehensive 3D SR</source>
        <translation>Comprehensive SR en lugar de Comprehensive 3D SR</translation>
    </message>
    <message>
        <source>Object</source>
        <translation>Objeto</translation>
    </message>
    <message>
        <source>said by</source>
        <translation>dicho por</translation>
    </message>
    <message>
        <source>about</source>
        <translation>sobre</translation>
    </message>
    <message>
        <source>What would be sent</source>
        <translation>Qué se enviaría</translation>
    </message>
    <message>
        <source>&amp;Send</source>
        <translation>&amp;Enviar</translation>
    </message>
    <message>
        <source>Since</source>
        <translation>Desde</translation>
    </message>
    <message>
        <source>Tries</source>
        <translation>Intentos</translation>
    </message>
    <message>
        <source>What is queued</source>
        <translation>Qué está en cola</translation>
    </message>
    <message>
        <source>Send &amp;again now</source>
        <translation>Enviar &amp;de nuevo ahora</translation>
    </message>
    <message>
        <source>&amp;Do not send it</source>
        <translation>&amp;No enviarlo</translation>
    </message>
    <message>
        <source>What is queued survives the end of the program. An object leaves when its node has stored it; after a failure it is sent again by itself, later each time. What a node has refused waits for you.</source>
        <translation>Lo que está en cola sobrevive al cierre del programa. Un objeto sale cuando su nodo lo ha guardado; tras un fallo se envía de nuevo por sí solo, cada vez más tarde. Lo que un nodo ha rechazado le espera a usted.</translation>
    </message>
    <message>
        <source>no name was given</source>
        <translation>no se dio ningún nombre</translation>
    </message>
    <message>
        <source>Open a study first.</source>
        <translation>Abra antes un estudio.</translation>
    </message>
    <message>
        <source>The model&apos;s answer is hidden from you: nothing of it is sent.</source>
        <translation>La respuesta del modelo está oculta para usted: nada de ella se envía.</translation>
    </message>
    <message>
        <source>Nothing to send yet: nothing of what is ticked was said of this study.</source>
        <translation>Aún no hay nada que enviar: de este estudio no se ha dicho nada de lo marcado.</translation>
    </message>
    <message>
        <source>Never verified, for research only: so it stands in each object.</source>
        <translation>Nunca verificado, solo para investigación: así consta en cada objeto.</translation>
    </message>
    <message>
        <source>The objects are being made …</source>
        <translation>Se están creando los objetos …</translation>
    </message>
    <message>
        <source>1 object queued.</source>
        <translation>1 objeto en cola.</translation>
    </message>
    <message numerus="yes">
        <source>%n objects queued.</source>
        <translation>
            <numerusform>%n objeto en cola.</numerusform>
            <numerusform>%n objetos en cola.</numerusform>
        </translation>
    </message>
    <message>
        <source>{count} could not be made: {title}. {advice}</source>
        <translation>{count} no se pudieron crear: {title}. {advice}</translation>
    </message>
    <message>
        <source>Queue ({count})</source>
        <translation>Cola ({count})</translation>
    </message>
    <message>
        <source>{month}: {count} compared</source>
        <translation>{month}: {count} comparadas</translation>
    </message>
    <message>
        <source>agreement {share}</source>
        <translation>concordancia {share}</translation>
    </message>
    <message>
        <source>Agreement and kappa by month</source>
        <translation>Concordancia y kappa por mes</translation>
    </message>
    <message>
        <source>Nothing to compare yet</source>
        <translation>Aún no hay nada que comparar</translation>
    </message>
    <message>
        <source>Agreement</source>
        <translation>Concordancia</translation>
    </message>
    <message>
        <source>Kappa</source>
        <translation>Kappa</translation>
    </message>
    <message>
        <source>Ruler: drag from end to end</source>
        <translation>Regla: arrastre de un extremo al otro</translation>
    </message>
    <message>
        <source>Angle: drag an arm to the vertex, then click the other arm&apos;s end</source>
        <translation>Ángulo: arrastre un lado hasta el vértice y haga clic en el final del otro lado</translation>
    </message>
    <message>
        <source>Ellipse: drag its box</source>
        <translation>Elipse: arrastre su recuadro</translation>
    </message>
    <message>
        <source>Arrow: drag to where it points</source>
        <translation>Flecha: arrastre hasta donde señala</translation>
    </message>
    <message>
        <source>Text: click, type, Enter</source>
        <translation>Texto: clic, escriba, Intro</translation>
    </message>
    <message>
        <source>Text, then Enter</source>
        <translation>Texto y después Intro</translation>
    </message>
    <message>
        <source>Text on the image</source>
        <translation>Texto sobre la imagen</translation>
    </message>
    <message>
        <source>{hint} · Esc ends</source>
        <translation>{hint} · Esc termina</translation>
    </message>
    <message>
        <source>lesion missed</source>
        <translation>lesión no detectada</translation>
    </message>
    <message>
        <source>false mark</source>
        <translation>falsa marca</translation>
    </message>
    <message>
        <source>too high</source>
        <translation>sobrestimada</translation>
    </message>
    <message>
        <source>too low</source>
        <translation>subestimada</translation>
    </message>
    <message>
        <source>artefact or positioning</source>
        <translation>artefacto o posicionamiento</translation>
    </message>
    <message>
        <source>prior shows stable</source>
        <translation>estable respecto al previo</translation>
    </message>
    <message>
        <source>clinical information</source>
        <translation>información clínica</translation>
    </message>
    <message>
        <source>other</source>
        <translation>otro</translation>
    </message>
    <message>
        <source>overlooked before</source>
        <translation>pasado por alto antes</translation>
    </message>
    <message>
        <source>judged differently</source>
        <translation>valorado de otro modo</translation>
    </message>
    <message>
        <source>the model&apos;s category</source>
        <translation>la categoría del modelo</translation>
    </message>
    <message>
        <source>prior images</source>
        <translation>imágenes previas</translation>
    </message>
    <message>
        <source>entered by mistake</source>
        <translation>introducido por error</translation>
    </message>
    <message>
        <source>other change</source>
        <translation>otro cambio</translation>
    </message>
    <message>
        <source>In a study of two AIs, a third of the positives that readers lowered to negative after seeing the AI were cancers (57 of 168, Eur Radiol 2024).</source>
        <translation>En un estudio con dos IA, un tercio de los positivos que los lectores bajaron a negativo tras ver la IA eran cánceres (57 de 168, Eur Radiol 2024).</translation>
    </message>
    <message>
        <source>Your reading</source>
        <translation>Su lectura</translation>
    </message>
    <message>
        <source>Second read</source>
        <translation>Segunda lectura</translation>
    </message>
    <message>
        <source>Blind audit</source>
        <translation>Auditoría ciega</translation>
    </message>
    <message>
        <source>low suspicion</source>
        <translation>sospecha baja</translation>
    </message>
    <message>
        <source>moderate suspicion</source>
        <translation>sospecha moderada</translation>
    </message>
    <message>
        <source>high suspicion</source>
        <translation>sospecha alta</translation>
    </message>
    <message>
        <source>That these images are one study of one patient was said by hand, by a reader.</source>
        <translation>Que estas imágenes son un estudio de un paciente lo dijo un lector, a mano.</translation>
    </message>
    <message>
        <source>That this image is a study of its own was said by hand, by a reader.</source>
        <translation>Que esta imagen es un estudio propio lo dijo un lector, a mano.</translation>
    </message>
    <message>
        <source>side</source>
        <translation>lado</translation>
    </message>
    <message>
        <source>view</source>
        <translation>proyección</translation>
    </message>
    <message>
        <source>study</source>
        <translation>estudio</translation>
    </message>
    <message>
        <source>Their files name different patients.</source>
        <translation>Sus archivos nombran pacientes distintos.</translation>
    </message>
    <message>
        <source>Given by hand, by a reader: {what}.</source>
        <translation>Dado a mano por un lector: {what}.</translation>
    </message>
    <message>
        <source>header says {side}</source>
        <translation>la cabecera dice {side}</translation>
    </message>
    <message>
        <source>Its header says that the view is {view}.</source>
        <translation>Su cabecera dice que la proyección es {view}.</translation>
    </message>
    <message>
        <source>right breast</source>
        <translation>mama derecha</translation>
    </message>
    <message>
        <source>left breast</source>
        <translation>mama izquierda</translation>
    </message>
    <message>
        <source>RIGHT</source>
        <translation>DERECHA</translation>
    </message>
    <message>
        <source>LEFT</source>
        <translation>IZQUIERDA</translation>
    </message>
    <message>
        <source>Agree</source>
        <translation>Coincido</translation>
    </message>
    <message>
        <source>Disagree</source>
        <translation>Discrepo</translation>
    </message>
    <message>
        <source>{breast}: {agreement} with the model</source>
        <translation>{breast}: {agreement} con el modelo</translation>
    </message>
    <message>
        <source>Note …</source>
        <translation>Nota …</translation>
    </message>
    <message>
        <source>Note, {breast}</source>
        <translation>Nota, {breast}</translation>
    </message>
    <message>
        <source>Why changed …</source>
        <translation>Cambio por …</translation>
    </message>
    <message>
        <source>Reason …</source>
        <translation>Motivo …</translation>
    </message>
    <message>
        <source>Reason for changing the category, {breast}</source>
        <translation>Motivo para cambiar la categoría, {breast}</translation>
    </message>
    <message>
        <source>Reason for disagreeing, {breast}</source>
        <translation>Motivo del desacuerdo, {breast}</translation>
    </message>
    <message>
        <source>With the keyboard here, 1 to {last} choose.</source>
        <translation>Con el teclado aquí, de 1 a {last} se elige.</translation>
    </message>
    <message>
        <source>The model&apos;s answer is hidden</source>
        <translation>La respuesta del modelo está oculta</translation>
    </message>
    <message>
        <source>Not comparable: the model has no word on this breast, or yours is 0 or 6</source>
        <translation>No comparable: el modelo no se pronuncia sobre esta mama, o su categoría es 0 o 6</translation>
    </message>
    <message>
        <source>Proposed from the categories: {agreement}</source>
        <translation>Propuesto según las categorías: {agreement}</translation>
    </message>
    <message>
        <source>was {category}</source>
        <translation>era {category}</translation>
    </message>
    <message>
        <source>unsaved</source>
        <translation>sin guardar</translation>
    </message>
    <message>
        <source>{} saves</source>
        <translation>{} guarda</translation>
    </message>
    <message>
        <source>Your category without the model is stored</source>
        <translation>Su categoría sin el modelo está guardada</translation>
    </message>
    <message>
        <source>; {} keeps it</source>
        <translation>; {} la mantiene</translation>
    </message>
    <message>
        <source>keep or change</source>
        <translation>¿mantener?</translation>
    </message>
    <message>
        <source>save again?</source>
        <translation>¿actualizar?</translation>
    </message>
    <message>
        <source>Recorded before the model&apos;s present answer; save again to record your agreement with it.</source>
        <translation>Registrada antes de la respuesta actual del modelo; guarde de nuevo para registrar su acuerdo con ella.</translation>
    </message>
    <message>
        <source>saved {time}</source>
        <translation>✓ {time}</translation>
    </message>
    <message>
        <source>kept {time}</source>
        <translation>mant. {time}</translation>
    </message>
    <message>
        <source>Your name</source>
        <translation>Su nombre</translation>
    </message>
    <message>
        <source>Reader&apos;s name</source>
        <translation>Nombre del lector</translation>
    </message>
    <message>
        <source>Save, then the next study that you have not read</source>
        <translation>Guardar y pasar al siguiente estudio que no ha leído</translation>
    </message>
    <message>
        <source>Save, next</source>
        <comment>on a button</comment>
        <translation>Y siguiente</translation>
    </message>
    <message>
        <source>Discard</source>
        <translation>Descartar</translation>
    </message>
    <message>
        <source>Recorded for this study</source>
        <translation>Registrado para este estudio</translation>
    </message>
    <message>
        <source>NOT SAVED</source>
        <translation>SIN GUARDAR</translation>
    </message>
    <message>
        <source>Enter your name: readings are recorded under it.</source>
        <translation>Escriba su nombre: las lecturas se registran con él.</translation>
    </message>
    <message>
        <source>choose a category</source>
        <translation>elija categoría</translation>
    </message>
    <message>
        <source>why changed?</source>
        <translation>¿motivo?</translation>
    </message>
    <message>
        <source>confirm below</source>
        <translation>confirme abajo</translation>
    </message>
    <message>
        <source>Confirm lowering {steps}</source>
        <translation>Confirmar la bajada {steps}</translation>
    </message>
    <message>
        <source>Discard: back to what is recorded</source>
        <translation>Descartar: volver a lo registrado</translation>
    </message>
    <message>
        <source>Save, then reveal</source>
        <translation>Guardar y mostrar</translation>
    </message>
    <message>
        <source>Keep</source>
        <translation>Mantener</translation>
    </message>
    <message>
        <source>Save</source>
        <translation>Guardar</translation>
    </message>
    <message>
        <source>No image names its side: enter your reading under the side that you see.</source>
        <translation>Ninguna imagen indica su lado: anote su lectura en el lado que usted vea.</translation>
    </message>
    <message>
        <source>Right breast still to be saved: the model&apos;s answer is shown then.</source>
        <translation>Falta guardar la mama derecha: después se muestra la respuesta del modelo.</translation>
    </message>
    <message>
        <source>Left breast still to be saved: the model&apos;s answer is shown then.</source>
        <translation>Falta guardar la mama izquierda: después se muestra la respuesta del modelo.</translation>
    </message>
    <message>
        <source>before the answer</source>
        <translation>antes de la respuesta</translation>
    </message>
    <message>
        <source>withdrawn</source>
        <translation>retirada</translation>
    </message>
    <message>
        <source>restored</source>
        <translation>restablecida</translation>
    </message>
    <message>
        <source> — corrected later</source>
        <translation> — corregida después</translation>
    </message>
    <message>
        <source>Dismiss</source>
        <translation>Cerrar</translation>
    </message>
    <message numerus="yes">
        <source> (and %n more)</source>
        <translation>
            <numerusform> (y %n más)</numerusform>
            <numerusform> (y %n más)</numerusform>
        </translation>
    </message>
    <message>
        <source>⇄ mirrored for display</source>
        <translation>⇄ en espejo para mostrar</translation>
    </message>
    <message>
        <source>image and study</source>
        <translation>imagen y estudio</translation>
    </message>
    <message>
        <source>image only, no patient</source>
        <translation>solo imagen, sin paciente</translation>
    </message>
    <message>
        <source>side and view only</source>
        <translation>solo lado y proyección</translation>
    </message>
    <message>
        <source>sigmoid</source>
        <translation>sigmoide</translation>
    </message>
    <message>
        <source>full range</source>
        <translation>rango completo</translation>
    </message>
    <message>
        <source>shutter</source>
        <translation>obturador</translation>
    </message>
    <message>
        <source>loading</source>
        <translation>cargando</translation>
    </message>
    <message>
        <source>shown</source>
        <comment>a view</comment>
        <translation>mostrada</translation>
    </message>
    <message>
        <source>cannot be shown: {why}</source>
        <translation>no se puede mostrar: {why}</translation>
    </message>
    <message>
        <source>PRIOR {date}</source>
        <translation>PREVIO {date}</translation>
    </message>
    <message>
        <source>by hand</source>
        <translation>a mano</translation>
    </message>
    <message>
        <source>guessed</source>
        <translation>supuesto</translation>
    </message>
    <message>
        <source>{percent} % of 1:1</source>
        <translation>{percent} % de 1:1</translation>
    </message>
    <message>
        <source>, true size</source>
        <translation>, tamaño real</translation>
    </message>
    <message>
        <source>inverted</source>
        <translation>invertida</translation>
    </message>
    <message>
        <source>linear fallback</source>
        <translation>lineal de reserva</translation>
    </message>
    <message>
        <source>CLAHE: display aid</source>
        <translation>CLAHE: ayuda visual</translation>
    </message>
    <message>
        <source>size does not compare</source>
        <translation>tamaño no comparable</translation>
    </message>
    <message>
        <source>{view}: loading</source>
        <translation>{view}: cargando</translation>
    </message>
    <message>
        <source>CURRENT</source>
        <translation>ACTUAL</translation>
    </message>
    <message>
        <source>loading…</source>
        <translation>cargando…</translation>
    </message>
    <message>
        <source>not in this study</source>
        <translation>no está en este estudio</translation>
    </message>
    <message>
        <source>missing, or not readable</source>
        <translation>falta o no es legible</translation>
    </message>
    <message>
        <source>not in the prior of {date}</source>
        <translation>no está en el previo del {date}</translation>
    </message>
    <message>
        <source>hidden</source>
        <translation>oculto</translation>
    </message>
    <message>
        <source>out of scope</source>
        <translation>no valorable</translation>
    </message>
    <message>
        <source>corrected later</source>
        <translation>corregida después</translation>
    </message>
    <message>
        <source>not finished</source>
        <translation>sin terminar</translation>
    </message>
    <message>
        <source>{agreement} by hand</source>
        <translation>{agreement}, a mano</translation>
    </message>
    <message>
        <source>Readings and disagreements</source>
        <translation>Lecturas y discrepancias</translation>
    </message>
    <message>
        <source>Which readings are listed</source>
        <translation>Qué lecturas se muestran</translation>
    </message>
    <message>
        <source>Month</source>
        <translation>Mes</translation>
    </message>
    <message>
        <source>Model that was asked</source>
        <translation>Modelo consultado</translation>
    </message>
    <message>
        <source>Reading mode</source>
        <translation>Modo de lectura</translation>
    </message>
    <message>
        <source>Read by</source>
        <translation>Leído por</translation>
    </message>
    <message>
        <source>Disagreements</source>
        <translation>Discrepancias</translation>
    </message>
    <message>
        <source>All readings</source>
        <translation>Todas las lecturas</translation>
    </message>
    <message>
        <source>Agreements</source>
        <translation>Concordancias</translation>
    </message>
    <message>
        <source>Not comparable</source>
        <translation>No comparables</translation>
    </message>
    <message>
        <source>Not finished</source>
        <translation>Sin terminar</translation>
    </message>
    <message>
        <source>Recorded</source>
        <translation>Registrada</translation>
    </message>
    <message>
        <source>Patient</source>
        <translation>Paciente</translation>
    </message>
    <message>
        <source>Breast</source>
        <translation>Mama</translation>
    </message>
    <message>
        <source>Reason</source>
        <translation>Motivo</translation>
    </message>
    <message>
        <source>Mode</source>
        <translation>Modo</translation>
    </message>
    <message>
        <source>Note</source>
        <translation>Nota</translation>
    </message>
    <message>
        <source>Patient, reason or note …   Ctrl+F</source>
        <translation>Paciente, motivo o nota …   Ctrl+F</translation>
    </message>
    <message>
        <source>Search patient, reason and note</source>
        <translation>Buscar por paciente, motivo y nota</translation>
    </message>
    <message>
        <source>Corrected ones too</source>
        <translation>También las corregidas</translation>
    </message>
    <message>
        <source>Readings</source>
        <translation>Lecturas</translation>
    </message>
    <message>
        <source>Share of “agree” by the reader&apos;s own word</source>
        <translation>Proporción de «de acuerdo» según el propio lector</translation>
    </message>
    <message>
        <source>Same category</source>
        <translation>Misma categoría</translation>
    </message>
    <message>
        <source>4A, 4B and 4C count as 4</source>
        <translation>4A, 4B y 4C cuentan como 4</translation>
    </message>
    <message>
        <source>Within one category</source>
        <translation>A una categoría como máximo</translation>
    </message>
    <message>
        <source>At most one category apart</source>
        <translation>Como máximo una categoría de diferencia</translation>
    </message>
    <message>
        <source>Cohen&apos;s, unweighted</source>
        <translation>De Cohen, sin ponderar</translation>
    </message>
    <message>
        <source>Kappa, weighted</source>
        <translation>Kappa ponderado</translation>
    </message>
    <message>
        <source>Cohen&apos;s, by the squared distance of the categories</source>
        <translation>De Cohen, por la distancia al cuadrado entre categorías</translation>
    </message>
    <message>
        <source>Reader against model</source>
        <translation>Lector frente a modelo</translation>
    </message>
    <message>
        <source>By month</source>
        <translation>Por mes</translation>
    </message>
    <message>
        <source>Open study   Enter</source>
        <translation>Abrir estudio   Intro</translation>
    </message>
    <message>
        <source>Export CSV …</source>
        <translation>Exportar CSV …</translation>
    </message>
    <message>
        <source>Training data …</source>
        <translation>Datos de entrenamiento …</translation>
    </message>
    <message>
        <source>The listed readings as a manifest for birads-engine train --data</source>
        <translation>Las lecturas mostradas como manifiesto para birads-engine train --data</translation>
    </message>
    <message>
        <source>With patient identifiers</source>
        <translation>Con identificadores del paciente</translation>
    </message>
    <message>
        <source>Otherwise keyed hashes stand for patients, studies, images and readers, notes are left out, and training data holds copies of the images without names.</source>
        <translation>Si no, pacientes, estudios, imágenes y lectores se sustituyen por códigos cifrados, se omiten las notas y los datos de entrenamiento contienen copias de las imágenes sin nombres.</translation>
    </message>
    <message>
        <source>Training data written</source>
        <translation>Datos de entrenamiento escritos</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Cancelar</translation>
    </message>
    <message>
        <source>Security</source>
        <translation>Seguridad</translation>
    </message>
    <message>
        <source>TLS, with certificates</source>
        <translation>TLS, con certificados</translation>
    </message>
    <message>
        <source>Not encrypted</source>
        <translation>Sin cifrar</translation>
    </message>
    <message>
        <source>Who signs its certificates (PEM)</source>
        <translation>Quién firma sus certificados (PEM)</translation>
    </message>
    <message>
        <source>Our certificate (PEM)</source>
        <translation>Nuestro certificado (PEM)</translation>
    </message>
    <message>
        <source>Our key (PEM)</source>
        <translation>Nuestra clave (PEM)</translation>
    </message>
    <message>
        <source>as its address</source>
        <translation>como su dirección</translation>
    </message>
    <message>
        <source>Without encryption everybody on the way can read names and images, and nobody can tell who is at the other end. Ask the other side for TLS first.</source>
        <translation>Sin cifrado, cualquiera en el camino puede leer nombres e imágenes, y nadie sabe quién está al otro lado. Pida antes TLS a la otra parte.</translation>
    </message>
    <message>
        <source>Unencrypted all the same</source>
        <translation>Sin cifrar de todos modos</translation>
    </message>
    <message>
        <source>Authority</source>
        <translation>Autoridad</translation>
    </message>
    <message>
        <source>Our certificate</source>
        <translation>Nuestro certificado</translation>
    </message>
    <message>
        <source>Our key</source>
        <translation>Nuestra clave</translation>
    </message>
    <message>
        <source>Certificate is for</source>
        <translation>El certificado es para</translation>
    </message>
    <message>
        <source>DICOM nodes</source>
        <translation>Nodos DICOM</translation>
    </message>
    <message>
        <source>The program opens a network connection only to what stands here, and only when you ask for it. Without an entry it opens none.</source>
        <translation>El programa solo abre conexiones de red con lo que consta aquí, y solo cuando usted lo pide. Sin ninguna entrada no abre ninguna.</translation>
    </message>
    <message>
        <source>Nodes</source>
        <translation>Nodos</translation>
    </message>
    <message>
        <source>This computer</source>
        <translation>Este equipo</translation>
    </message>
    <message>
        <source>Message</source>
        <translation>Mensaje</translation>
    </message>
    <message>
        <source>&amp;Save</source>
        <translation>&amp;Guardar</translation>
    </message>
    <message>
        <source>&amp;Add</source>
        <translation>&amp;Añadir</translation>
    </message>
    <message>
        <source>&amp;Remove</source>
        <translation>&amp;Quitar</translation>
    </message>
    <message>
        <source>C-GET: over our own connection</source>
        <translation>C-GET: por nuestra propia conexión</translation>
    </message>
    <message>
        <source>C-MOVE: it calls this computer</source>
        <translation>C-MOVE: llama a este equipo</translation>
    </message>
    <message>
        <source>confirms that it keeps what it was sent</source>
        <translation>confirma que conserva lo enviado</translation>
    </message>
    <message>
        <source>address, beginning with https://</source>
        <translation>dirección, que empieza por https://</translation>
    </message>
    <message>
        <source>Name</source>
        <translation>Nombre</translation>
    </message>
    <message>
        <source>Its AE title</source>
        <translation>Su AE title</translation>
    </message>
    <message>
        <source>Address</source>
        <translation>Dirección</translation>
    </message>
    <message>
        <source>Port</source>
        <translation>Puerto</translation>
    </message>
    <message>
        <source>Fetch by</source>
        <translation>Traer por</translation>
    </message>
    <message>
        <source>Storage commitment</source>
        <translation>Storage commitment</translation>
    </message>
    <message>
        <source>DICOMweb</source>
        <translation>DICOMweb</translation>
    </message>
    <message>
        <source>&amp;Test this node</source>
        <translation>&amp;Probar este nodo</translation>
    </message>
    <message>
        <source>Our AE title</source>
        <translation>Nuestro AE title</translation>
    </message>
    <message>
        <source>Enter it, this computer&apos;s address and the port at the PACS, too.</source>
        <translation>Introdúzcalo también en el PACS, con la dirección de este equipo y el puerto.</translation>
    </message>
    <message>
        <source>Listen for what a PACS sends (C-MOVE)</source>
        <translation>Escuchar lo que envía un PACS (C-MOVE)</translation>
    </message>
    <message>
        <source>of one network interface, never all</source>
        <translation>de una interfaz de red, nunca de todas</translation>
    </message>
    <message>
        <source>Our address</source>
        <translation>Nuestra dirección</translation>
    </message>
    <message>
        <source>Our port</source>
        <translation>Nuestro puerto</translation>
    </message>
    <message>
        <source>AE titles, with commas</source>
        <translation>AE titles, con comas</translation>
    </message>
    <message>
        <source>Who may send</source>
        <translation>Quién puede enviar</translation>
    </message>
    <message>
        <source>node {number}</source>
        <translation>nodo {number}</translation>
    </message>
    <message>
        <source>Two nodes have the same name: give each its own.</source>
        <translation>Dos nodos tienen el mismo nombre: dé a cada uno el suyo.</translation>
    </message>
    <message>
        <source>This computer would listen unencrypted: read the warning and tick the box.</source>
        <translation>Este equipo escucharía sin cifrar: lea la advertencia y marque la casilla.</translation>
    </message>
    <message>
        <source>“{node}” is not encrypted: read the warning and tick the box below it.</source>
        <translation>«{node}» no está cifrado: lea la advertencia y marque la casilla que hay debajo.</translation>
    </message>
    <message>
        <source>Asking “{node}” …</source>
        <translation>Preguntando a «{node}» …</translation>
    </message>
    <message>
        <source>Saved; it holds from now on.</source>
        <translation>Guardado; vale desde ahora.</translation>
    </message>
    <message>
        <source>“{node}” answers, after {seconds} s.</source>
        <translation>«{node}» responde, tras {seconds} s.</translation>
    </message>
    <message>
        <source>Choose a file: {what}</source>
        <translation>Elegir un archivo: {what}</translation>
    </message>
    <message>
        <source>Agreement of readers and model</source>
        <translation>Concordancia entre lectores y modelo</translation>
    </message>
    <message>
        <source>All months</source>
        <translation>Todos los meses</translation>
    </message>
    <message>
        <source>All models</source>
        <translation>Todos los modelos</translation>
    </message>
    <message>
        <source>All modes</source>
        <translation>Todos los modos</translation>
    </message>
    <message>
        <source>All readers</source>
        <translation>Todos los lectores</translation>
    </message>
    <message>
        <source>1 reading compared · {listed} listed</source>
        <translation>1 lectura comparada · {listed} en la lista</translation>
    </message>
    <message numerus="yes">
        <source>%n readings compared · {listed} listed</source>
        <translation>
            <numerusform>%n lectura comparada · {listed} en la lista</numerusform>
            <numerusform>%n lecturas comparadas · {listed} en la lista</numerusform>
        </translation>
    </message>
    <message>
        <source>Export the listed readings</source>
        <translation>Exportar las lecturas mostradas</translation>
    </message>
    <message>
        <source>Training manifest with identifiers</source>
        <translation>Manifiesto de entrenamiento con identificadores</translation>
    </message>
    <message>
        <source>New folder for the training data</source>
        <translation>Nueva carpeta para los datos de entrenamiento</translation>
    </message>
    <message>
        <source>1 reading is not counted: what the model said is hidden from you now.</source>
        <translation>1 lectura no se cuenta: ahora no puede ver lo que dijo el modelo.</translation>
    </message>
    <message numerus="yes">
        <source>%n readings are not counted: what the model said is hidden from you now.</source>
        <translation>
            <numerusform>%n lectura no se cuenta: ahora no puede ver lo que dijo el modelo.</numerusform>
            <numerusform>%n lecturas no se cuentan: ahora no puede ver lo que dijo el modelo.</numerusform>
        </translation>
    </message>
    <message>
        <source>Concurrent readers saw the answer first, which flatters the model.</source>
        <translation>Los lectores concurrentes vieron antes la respuesta, lo que favorece al modelo.</translation>
    </message>
    <message>
        <source>Readings with 0 or 6, and those without the model&apos;s word, are not compared.</source>
        <translation>Las lecturas con 0 o 6, y las que no tienen respuesta del modelo, no se comparan.</translation>
    </message>
    <message>
        <source>({low} to {high})</source>
        <translation>({low} a {high})</translation>
    </message>
    <message>
        <source>{count} images claim {view}</source>
        <translation>{count} imágenes dicen {view}</translation>
    </message>
    <message>
        <source>none {view}</source>
        <comment>no image of that view</comment>
        <translation>ninguna {view}</translation>
    </message>
    <message>
        <source>DICOM header: {view}</source>
        <translation>Cabecera DICOM: {view}</translation>
    </message>
    <message>
        <source>Search tag, name or value</source>
        <translation>Buscar etiqueta, nombre o valor</translation>
    </message>
    <message>
        <source>Search the header</source>
        <translation>Buscar en la cabecera</translation>
    </message>
    <message>
        <source>Header elements</source>
        <translation>Elementos de la cabecera</translation>
    </message>
    <message>
        <source>Select a line to read its value here</source>
        <translation>Elija una línea para leer aquí su valor</translation>
    </message>
    <message>
        <source>Value of the selected line</source>
        <translation>Valor de la línea elegida</translation>
    </message>
    <message>
        <source>Reading …</source>
        <comment>a file</comment>
        <translation>Leyendo …</translation>
    </message>
    <message>
        <source>1 line</source>
        <translation>1 línea</translation>
    </message>
    <message>
        <source>{count} lines</source>
        <translation>{count} líneas</translation>
    </message>
    <message>
        <source>{found} of {lines}</source>
        <translation>{found} de {lines}</translation>
    </message>
    <message>
        <source>Tag</source>
        <comment>DICOM</comment>
        <translation>Etiqueta</translation>
    </message>
    <message>
        <source>Name</source>
        <comment>of a DICOM element</comment>
        <translation>Nombre</translation>
    </message>
    <message>
        <source>Value</source>
        <translation>Valor</translation>
    </message>
    <message>
        <source>panning</source>
        <translation>desplazamiento</translation>
    </message>
    <message>
        <source>zoom</source>
        <translation>zoom</translation>
    </message>
    <message>
        <source>window</source>
        <comment>grey values</comment>
        <translation>ventana</translation>
    </message>
    <message>
        <source>linked: {what}</source>
        <translation>vinculado: {what}</translation>
    </message>
    <message>
        <source>Magnifying glass</source>
        <translation>Lupa</translation>
    </message>
    <message>
        <source>pixels only</source>
        <translation>solo píxeles</translation>
    </message>
    <message>
        <source>no mm: pixels only</source>
        <translation>sin mm: solo píxeles</translation>
    </message>
    <message>
        <source>no pixels</source>
        <translation>sin píxeles</translation>
    </message>
    <message>
        <source> SD</source>
        <translation> DE</translation>
    </message>
    <message>
        <source>mean {value}</source>
        <translation>media {value}</translation>
    </message>
    <message>
        <source>How do you want to read?</source>
        <translation>¿Cómo quiere leer?</translation>
    </message>
    <message>
        <source>You can change it at any time in the toolbar.</source>
        <translation>Puede cambiarlo en cualquier momento en la barra de herramientas.</translation>
    </message>
    <message>
        <source>{mode} (default)</source>
        <translation>{mode} (predeterminado)</translation>
    </message>
    <message>
        <source>Asking the printers …</source>
        <translation>Consultando las impresoras…</translation>
    </message>
    <message>
        <source>The printers do not answer. Save the page as PDF instead.</source>
        <translation>Las impresoras no responden. Guarde la página como PDF.</translation>
    </message>
    <message>
        <source>The page could not be printed. Save it as PDF instead.</source>
        <translation>No se pudo imprimir la página. Guárdela como PDF.</translation>
    </message>
    <message>
        <source>Nothing can be anonymised</source>
        <translation>No se puede anonimizar nada</translation>
    </message>
    <message>
        <source>The table of what must go is missing or damaged; install the program again.</source>
        <translation>Falta la tabla de lo que debe eliminarse o está dañada; instale el programa de nuevo.</translation>
    </message>
    <message>
        <source>It holds the network {found}, not {asked}. Install the program again or choose another.</source>
        <translation>Contiene la red {found}, no {asked}. Instale el programa de nuevo o elija otra.</translation>
    </message>
    <message>
        <source>It was ended and started again; the study is asked about once more.</source>
        <translation>Se ha detenido y se ha vuelto a iniciar; se le pregunta otra vez por el estudio.</translation>
    </message>
    <message>
        <source>&amp;Restart the engine</source>
        <translation>&amp;Reiniciar el motor</translation>
    </message>
    <message>
        <source>The engine did not respond</source>
        <translation>El motor no respondió</translation>
    </message>
    <message>
        <source>The system ended the engine twice at one request: close other programs and try again.</source>
        <translation>El sistema detuvo el motor dos veces en una misma petición: cierre otros programas e inténtelo de nuevo.</translation>
    </message>
    <message>
        <source>Not judged. {why}</source>
        <translation>Sin valorar. {why}</translation>
    </message>
    <message>
        <source>Without them no free words and no reader&apos;s name are on the page either.</source>
        <translation>Sin ellos tampoco figuran en la página textos libres ni el nombre del lector.</translation>
    </message>
    <message>
        <source>Save view as &amp;picture …</source>
        <translation>Guardar la proyección como &amp;imagen …</translation>
    </message>
    <message>
        <source>&amp;Copy view as picture</source>
        <translation>C&amp;opiar la proyección como imagen</translation>
    </message>
    <message>
        <source>Study su&amp;mmary, print …</source>
        <translation>Resu&amp;men del estudio, imprimir …</translation>
    </message>
    <message>
        <source>&amp;Anonymised copy of the study …</source>
        <translation>Copia &amp;anonimizada del estudio …</translation>
    </message>
    <message>
        <source>Open a study and wait for its images.</source>
        <translation>Abra un estudio y espere a sus imágenes.</translation>
    </message>
    <message>
        <source>No picture to give out</source>
        <translation>No hay imagen que entregar</translation>
    </message>
    <message>
        <source>{view} copied as a picture</source>
        <translation>{view} copiada como imagen</translation>
    </message>
    <message>
        <source>It is with the patient&apos;s name.</source>
        <translation>Lleva el nombre del paciente.</translation>
    </message>
    <message>
        <source>It is without the patient&apos;s name.</source>
        <translation>No lleva el nombre del paciente.</translation>
    </message>
    <message>
        <source>No summary to give out</source>
        <translation>No hay resumen que entregar</translation>
    </message>
    <message>
        <source>No study to give out</source>
        <translation>No hay estudio que entregar</translation>
    </message>
    <message>
        <source>One image was not copied: {title}. {advice}</source>
        <translation>No se copió una imagen: {title}. {advice}</translation>
    </message>
    <message numerus="yes">
        <source>%n images were not copied: {title}. {advice}</source>
        <translation>
            <numerusform>No se copió %n imagen: {title}. {advice}</numerusform>
            <numerusform>No se copiaron %n imágenes: {title}. {advice}</numerusform>
        </translation>
    </message>
    <message>
        <source>Marks were blanked in {count}: check that no text is left.</source>
        <translation>Se borraron marcas en {count}: compruebe que no quede texto.</translation>
    </message>
    <message>
        <source>In {count} something beside the breast may be text: look at them.</source>
        <translation>En {count}, algo junto a la mama puede ser texto: revíselas.</translation>
    </message>
    <message>
        <source>1 image copied, anonymised</source>
        <translation>1 imagen copiada y anonimizada</translation>
    </message>
    <message numerus="yes">
        <source>%n images copied, anonymised</source>
        <translation>
            <numerusform>%n imagen copiada y anonimizada</numerusform>
            <numerusform>%n imágenes copiadas y anonimizadas</numerusform>
        </translation>
    </message>
    <message>
        <source>Folder: {path}</source>
        <translation>Carpeta: {path}</translation>
    </message>
    <message>
        <source>Saved</source>
        <translation>Guardado</translation>
    </message>
    <message>
        <source>{view} as a picture</source>
        <translation>{view} como imagen</translation>
    </message>
    <message>
        <source>Next step</source>
        <translation>Paso siguiente</translation>
    </message>
    <message>
        <source>Invert</source>
        <translation>Invertir</translation>
    </message>
    <message>
        <source>Fit</source>
        <comment>on a button</comment>
        <translation>Ajustar</translation>
    </message>
    <message>
        <source>One / all</source>
        <comment>on a button</comment>
        <translation>1 / todas</translation>
    </message>
    <message>
        <source>Next step</source>
        <comment>on a button</comment>
        <translation>Siguiente</translation>
    </message>
    <message>
        <source>Preset</source>
        <comment>on a button</comment>
        <translation>Ventana</translation>
    </message>
    <message>
        <source>Invert</source>
        <comment>on a button</comment>
        <translation>Invertir</translation>
    </message>
    <message>
        <source>Reset</source>
        <comment>on a button</comment>
        <translation>Restaurar</translation>
    </message>
    <message>
        <source>Open &amp;folder …</source>
        <translation>Abrir &amp;carpeta …</translation>
    </message>
    <message>
        <source>Open f&amp;iles …</source>
        <translation>Abrir arc&amp;hivos …</translation>
    </message>
    <message>
        <source>&amp;Export readings …</source>
        <translation>E&amp;xportar lecturas …</translation>
    </message>
    <message>
        <source>Export readings, &amp;unblinded …</source>
        <translation>Exportar lecturas si&amp;n enmascarar …</translation>
    </message>
    <message>
        <source>&amp;Quit</source>
        <translation>&amp;Salir</translation>
    </message>
    <message>
        <source>&amp;Undo</source>
        <translation>&amp;Deshacer</translation>
    </message>
    <message>
        <source>Red&amp;o drawing</source>
        <translation>&amp;Rehacer dibujo</translation>
    </message>
    <message>
        <source>Undo saved rea&amp;ding</source>
        <translation>Deshacer lectura &amp;guardada</translation>
    </message>
    <message>
        <source>&amp;Save reading</source>
        <translation>G&amp;uardar lectura</translation>
    </message>
    <message>
        <source>Readings and d&amp;isagreements …</source>
        <translation>Lecturas y di&amp;screpancias …</translation>
    </message>
    <message>
        <source>&amp;Right breast</source>
        <translation>Mama d&amp;erecha</translation>
    </message>
    <message>
        <source>&amp;Left breast</source>
        <translation>Mama &amp;izquierda</translation>
    </message>
    <message>
        <source>&amp;Breast, then the other one</source>
        <translation>&amp;Mama, y después la otra</translation>
    </message>
    <message>
        <source>&amp;Heat-map</source>
        <translation>&amp;Mapa de calor</translation>
    </message>
    <message>
        <source>&amp;Other model</source>
        <translation>&amp;Otro modelo</translation>
    </message>
    <message>
        <source>Ask &amp;both networks</source>
        <translation>Consultar &amp;ambas redes</translation>
    </message>
    <message>
        <source>&amp;Pause or resume the worklist</source>
        <translation>&amp;Pausar o reanudar la lista de trabajo</translation>
    </message>
    <message>
        <source>&amp;Worklist</source>
        <translation>&amp;Lista de trabajo</translation>
    </message>
    <message>
        <source>&amp;Find a study</source>
        <translation>&amp;Buscar un estudio</translation>
    </message>
    <message>
        <source>&amp;Images</source>
        <translation>&amp;Imágenes</translation>
    </message>
    <message>
        <source>&amp;Steps …</source>
        <translation>&amp;Pasos …</translation>
    </message>
    <message>
        <source>&amp;Keys and mouse</source>
        <translation>&amp;Teclas y ratón</translation>
    </message>
    <message>
        <source>&amp;About and licences</source>
        <translation>&amp;Acerca de y licencias</translation>
    </message>
    <message>
        <source>&amp;Open log folder</source>
        <translation>Abrir la carpeta de &amp;registros</translation>
    </message>
    <message>
        <source>&amp;File</source>
        <translation>&amp;Archivo</translation>
    </message>
    <message>
        <source>Open &amp;recent</source>
        <translation>Abrir r&amp;eciente</translation>
    </message>
    <message>
        <source>&amp;Tools</source>
        <translation>&amp;Herramientas</translation>
    </message>
    <message>
        <source>&amp;Go</source>
        <translation>I&amp;r</translation>
    </message>
    <message>
        <source>&amp;Reading</source>
        <translation>&amp;Lectura</translation>
    </message>
    <message>
        <source>&amp;Model</source>
        <translation>&amp;Modelo</translation>
    </message>
    <message>
        <source>&amp;Panes</source>
        <translation>&amp;Paneles</translation>
    </message>
    <message>
        <source>&amp;Settings</source>
        <translation>A&amp;justes</translation>
    </message>
    <message>
        <source>Previous</source>
        <comment>on a button</comment>
        <translation>Anterior</translation>
    </message>
    <message>
        <source>Next</source>
        <comment>on a button</comment>
        <translation>Siguiente</translation>
    </message>
    <message>
        <source>Save</source>
        <comment>on a button</comment>
        <translation>Guardar</translation>
    </message>
    <message>
        <source>Heat-map</source>
        <comment>on a button</comment>
        <translation>Mapa de calor</translation>
    </message>
    <message>
        <source>Pixels</source>
        <comment>on a button</comment>
        <translation>Píxeles</translation>
    </message>
    <message>
        <source>Shutter</source>
        <comment>on a button</comment>
        <translation>Obturador</translation>
    </message>
    <message>
        <source>Ruler</source>
        <comment>on a button</comment>
        <translation>Regla</translation>
    </message>
    <message>
        <source>Magnifier</source>
        <comment>on a button</comment>
        <translation>Lupa</translation>
    </message>
    <message>
        <source>Quadrants</source>
        <comment>on a button</comment>
        <translation>Cuadrantes</translation>
    </message>
    <message>
        <source>Ask</source>
        <comment>on a button</comment>
        <translation>Preguntar</translation>
    </message>
    <message>
        <source>&amp;Language</source>
        <translation>&amp;Idioma (Language)</translation>
    </message>
    <message>
        <source>&amp;Help</source>
        <translation>A&amp;yuda</translation>
    </message>
    <message>
        <source>Toolbar</source>
        <translation>Barra de herramientas</translation>
    </message>
    <message>
        <source>Link</source>
        <comment>on a button</comment>
        <translation>Enlazar</translation>
    </message>
    <message>
        <source>Open</source>
        <translation>Abrir</translation>
    </message>
    <message>
        <source>Heat-map</source>
        <translation>Mapa de calor</translation>
    </message>
    <message>
        <source>Mode: {mode}</source>
        <translation>Modo: {mode}</translation>
    </message>
    <message>
        <source>Reading mode: {mode}</source>
        <translation>Modo de lectura: {mode}</translation>
    </message>
    <message>
        <source>Model ({key} for the other one)</source>
        <translation>Modelo ({key} para el otro)</translation>
    </message>
    <message>
        <source>Drawings and measurements</source>
        <translation>Dibujos y medidas</translation>
    </message>
    <message>
        <source>Words in the corners</source>
        <translation>Textos en las esquinas</translation>
    </message>
    <message>
        <source>Patient&apos;s name, ID and date</source>
        <translation>Nombre, ID y fecha del paciente</translation>
    </message>
    <message>
        <source>&amp;Save …</source>
        <translation>&amp;Guardar …</translation>
    </message>
    <message>
        <source>&amp;Copy</source>
        <translation>&amp;Copiar</translation>
    </message>
    <message>
        <source>Side, view and warnings are always on it, and the notice.</source>
        <translation>El lado, la proyección, las advertencias y el aviso figuran siempre.</translation>
    </message>
    <message>
        <source>Save the view as a picture</source>
        <translation>Guardar la proyección como imagen</translation>
    </message>
    <message>
        <source>Study summary</source>
        <translation>Resumen del estudio</translation>
    </message>
    <message>
        <source>Heat-maps</source>
        <translation>Mapas de calor</translation>
    </message>
    <message>
        <source>&amp;Print …</source>
        <translation>&amp;Imprimir …</translation>
    </message>
    <message>
        <source>&amp;Save as PDF …</source>
        <translation>&amp;Guardar como PDF …</translation>
    </message>
    <message>
        <source>Save the summary</source>
        <translation>Guardar el resumen</translation>
    </message>
    <message>
        <source>Anonymised copy of the study</source>
        <translation>Copia anonimizada del estudio</translation>
    </message>
    <message>
        <source>Blank texts and marks beside the breast</source>
        <translation>Borrar textos y marcas junto a la mama</translation>
    </message>
    <message>
        <source>Choose a &amp;folder and copy …</source>
        <translation>Elegir una &amp;carpeta y copiar …</translation>
    </message>
    <message>
        <source>Names, dates, IDs, free words and private data are removed (DICOM PS3.15 Basic Profile), all UIDs are new, files get new names. Pixels stay as they are.</source>
        <translation>Se eliminan nombres, fechas, identificadores, textos libres y datos privados (perfil básico de DICOM PS3.15), todos los UID son nuevos y los archivos reciben otros nombres. Los píxeles quedan como están.</translation>
    </message>
    <message>
        <source>Text burned into the image stays unless it is blanked. Blanked images are stored uncompressed. A program cannot promise that no text is left: look at the copy.</source>
        <translation>El texto grabado en la imagen permanece si no se borra. Las imágenes borradas se guardan sin comprimir. Ningún programa puede garantizar que no quede texto: revise la copia.</translation>
    </message>
    <message>
        <source>A folder for the copy</source>
        <translation>Carpeta para la copia</translation>
    </message>
    <message>
        <source>not offered by this model</source>
        <translation>no la ofrece este modelo</translation>
    </message>
    <message>
        <source>Confidence was calibrated on enriched archive cases, not on a screening population.</source>
        <translation>La confianza se calibró con casos de archivo enriquecidos, no con una población de cribado.</translation>
    </message>
    <message>
        <source>Model attention, not a lesion outline.</source>
        <translation>Atención del modelo, no contorno de lesión.</translation>
    </message>
    <message>
        <source>One scale for all images: its end is a fixed activation that belongs to the model, so a quiet breast looks quiet.</source>
        <translation>Una sola escala para todas las imágenes: su extremo es una activación fija propia del modelo, de modo que una mama tranquila se ve tranquila.</translation>
    </message>
    <message>
        <source>Probability of each category</source>
        <translation>Probabilidad de cada categoría</translation>
    </message>
    <message>
        <source>Category {grade}</source>
        <translation>Categoría {grade}</translation>
    </message>
    <message>
        <source>Model category {category}
({meaning})</source>
        <translation>Modelo: cat. {category}
({meaning})</translation>
    </message>
    <message>
        <source>confidence {percent}</source>
        <translation>confianza {percent}</translation>
    </message>
    <message>
        <source>Out of scope.</source>
        <translation>No valorable.</translation>
    </message>
    <message>
        <source>The other model</source>
        <translation>El otro modelo</translation>
    </message>
    <message>
        <source>{model}: out of scope</source>
        <translation>{model}: no valorable</translation>
    </message>
    <message>
        <source>{model} failed. {why}</source>
        <translation>{model} falló. {why}</translation>
    </message>
    <message>
        <source>{model} is starting …</source>
        <translation>{model} está arrancando …</translation>
    </message>
    <message>
        <source>{model} is at work …</source>
        <translation>{model} está trabajando …</translation>
    </message>
    <message>
        <source>{model} is asked next …</source>
        <translation>{model} se consulta a continuación …</translation>
    </message>
    <message>
        <source>Reading</source>
        <translation>Lectura</translation>
    </message>
    <message>
        <source>Save, then the ne&amp;xt study to read</source>
        <translation>Guardar y pasar al siguiente sin leer</translation>
    </message>
    <message>
        <source>Something went wrong in this program</source>
        <translation>Algo falló en este programa</translation>
    </message>
    <message>
        <source>It is a fault of ours, not of your files; please send us the newest log file.</source>
        <translation>Es un fallo nuestro, no de sus archivos; envíenos el archivo de registro más reciente.</translation>
    </message>
    <message>
        <source>Open log folder</source>
        <translation>Abrir la carpeta de registros</translation>
    </message>
    <message>
        <source>{language} from the next start on</source>
        <translation>{language} a partir del próximo inicio</translation>
    </message>
    <message>
        <source>Quit birads-viewer and start it again to change the language.</source>
        <translation>Cierre birads-viewer e inícielo de nuevo para cambiar el idioma.</translation>
    </message>
    <message>
        <source>The answer stays hidden.</source>
        <translation>La respuesta sigue oculta.</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>Reintentar</translation>
    </message>
    <message>
        <source>Opened to look at a reading</source>
        <translation>Abierto para ver una lectura</translation>
    </message>
    <message>
        <source>The study stands alone in the worklist.</source>
        <translation>El estudio está solo en la lista de trabajo.</translation>
    </message>
    <message>
        <source>Back to the worklist</source>
        <translation>Volver a la lista de trabajo</translation>
    </message>
    <message>
        <source>{count} exported without patient identifiers.</source>
        <translation>{count} exportadas sin identificadores del paciente.</translation>
    </message>
    <message>
        <source>{count} exported with patient identifiers.</source>
        <translation>{count} exportadas con identificadores del paciente.</translation>
    </message>
    <message>
        <source>Cancelled: no training data was written.</source>
        <translation>Cancelado: no se escribieron datos de entrenamiento.</translation>
    </message>
    <message>
        <source>Open a folder of mammograms</source>
        <translation>Abrir una carpeta de mamografías</translation>
    </message>
    <message>
        <source>Open mammograms</source>
        <translation>Abrir mamografías</translation>
    </message>
    <message>
        <source>Nothing yet</source>
        <translation>Aún nada</translation>
    </message>
    <message>
        <source>Clear this list</source>
        <translation>Vaciar esta lista</translation>
    </message>
    <message>
        <source>Export all readings</source>
        <translation>Exportar todas las lecturas</translation>
    </message>
    <message>
        <source>Export all readings with the model&apos;s hidden answers: ends their blinding</source>
        <translation>Exportar todas las lecturas con las respuestas ocultas del modelo: termina su enmascaramiento</translation>
    </message>
    <message>
        <source>1 reading exported</source>
        <translation>1 lectura exportada</translation>
    </message>
    <message numerus="yes">
        <source>%n readings exported</source>
        <translation>
            <numerusform>%n lectura exportada</numerusform>
            <numerusform>%n lecturas exportadas</numerusform>
        </translation>
    </message>
    <message>
        <source>It tells all that the model said; hidden answers count as revealed from now on.</source>
        <translation>Contiene todo lo que dijo el modelo; desde ahora, las respuestas ocultas cuentan como mostradas.</translation>
    </message>
    <message>
        <source>What the model said is left out where it is hidden.</source>
        <translation>Lo que dijo el modelo se omite donde está oculto.</translation>
    </message>
    <message>
        <source>The file holds patient identifiers.</source>
        <translation>El archivo contiene identificadores de pacientes.</translation>
    </message>
    <message>
        <source>Unsaved entries in one study</source>
        <translation>Entradas sin guardar en un estudio</translation>
    </message>
    <message numerus="yes">
        <source>Unsaved entries in %n studies</source>
        <translation>
            <numerusform>Entradas sin guardar en %n estudio</numerusform>
            <numerusform>Entradas sin guardar en %n estudios</numerusform>
        </translation>
    </message>
    <message>
        <source>The worklist marks them “unsaved”; save them, or quit: they are kept as not saved, and offered again.</source>
        <translation>La lista las marca como «sin guardar»; guárdelas o salga: se conservan como no guardadas y se ofrecen de nuevo.</translation>
    </message>
    <message>
        <source>Quit without saving</source>
        <translation>Salir sin guardar</translation>
    </message>
    <message>
        <source>{model}: views only; choose it to see them.</source>
        <translation>{model}: solo por proyección; elíjalo para verlas.</translation>
    </message>
    <message>
        <source>Choose it to see its answer in full.</source>
        <translation>Elíjalo para ver su respuesta completa.</translation>
    </message>
    <message>
        <source>Opacity of the heat-map</source>
        <translation>Opacidad del mapa de calor</translation>
    </message>
    <message>
        <source>What the model says of each view</source>
        <translation>Lo que dice el modelo de cada proyección</translation>
    </message>
    <message>
        <source>No study is open.</source>
        <translation>No hay ningún estudio abierto.</translation>
    </message>
    <message>
        <source>The engine is starting …</source>
        <translation>El motor está arrancando …</translation>
    </message>
    <message>
        <source>The model is at work on this study …</source>
        <translation>El modelo está analizando este estudio …</translation>
    </message>
    <message>
        <source>The model is at work on this study:
view {number} of {count} …</source>
        <translation>El modelo está analizando este estudio:
imagen {number} de {count} …</translation>
    </message>
    <message>
        <source>The model is at work on this study:
view {number} of {count}, some {seconds} s to go …</source>
        <translation>El modelo está analizando este estudio:
imagen {number} de {count}, faltan unos {seconds} s …</translation>
    </message>
    <message>
        <source>view {number} of {count} …</source>
        <comment>that the model is at</comment>
        <translation>imagen {number} de {count} …</translation>
    </message>
    <message>
        <source>The model was not asked about this study.</source>
        <translation>No se consultó al modelo sobre este estudio.</translation>
    </message>
    <message>
        <source>This study is next in the queue.</source>
        <translation>Este estudio es el siguiente en la cola.</translation>
    </message>
    <message>
        <source>The model&apos;s answer is hidden.
It is shown when you have saved your own category for each breast.</source>
        <translation>La respuesta del modelo está oculta.
Se muestra cuando haya guardado su propia categoría para cada mama.</translation>
    </message>
    <message>
        <source>The model&apos;s answer is hidden.
It is kept for the audit and not shown.</source>
        <translation>La respuesta del modelo está oculta.
Se conserva para la auditoría y no se muestra.</translation>
    </message>
    <message>
        <source>“{mode}” begins with the next study.</source>
        <translation>«{mode}» comienza con el próximo estudio.</translation>
    </message>
    <message>
        <source>SIDE NOT KNOWN</source>
        <translation>LADO DESCONOCIDO</translation>
    </message>
    <message>
        <source>View ?</source>
        <translation>Proyección ?</translation>
    </message>
    <message>
        <source>{view}: out of scope. {why}</source>
        <translation>{view}: no valorable. {why}</translation>
    </message>
    <message>
        <source>{view}: no answer</source>
        <translation>{view}: sin respuesta</translation>
    </message>
    <message>
        <source>No image of this breast.</source>
        <translation>Sin imágenes de esta mama.</translation>
    </message>
    <message>
        <source>No image is known to be of it.</source>
        <translation>No consta ninguna imagen de ella.</translation>
    </message>
    <message>
        <source>Views only: they are not known to belong to one patient.</source>
        <translation>Solo por proyección: no consta que sean del mismo paciente.</translation>
    </message>
    <message>
        <source>No answer for this breast.</source>
        <translation>Sin respuesta para esta mama.</translation>
    </message>
    <message>
        <source>matched by ID alone</source>
        <translation>solo coincide el ID</translation>
    </message>
    <message>
        <source>name differs from current</source>
        <translation>el nombre difiere del actual</translation>
    </message>
    <message>
        <source>1 day earlier</source>
        <translation>1 día antes</translation>
    </message>
    <message numerus="yes">
        <source>%n days earlier</source>
        <translation>
            <numerusform>%n día antes</numerusform>
            <numerusform>%n días antes</numerusform>
        </translation>
    </message>
    <message>
        <source>1 month earlier</source>
        <translation>1 mes antes</translation>
    </message>
    <message numerus="yes">
        <source>%n months earlier</source>
        <translation>
            <numerusform>%n mes antes</numerusform>
            <numerusform>%n meses antes</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n years earlier</source>
        <translation>
            <numerusform>%n año antes</numerusform>
            <numerusform>%n años antes</numerusform>
        </translation>
    </message>
    <message>
        <source>All standard views</source>
        <translation>Todas las proyecciones estándar</translation>
    </message>
    <message>
        <source>CC pair</source>
        <translation>Par CC</translation>
    </message>
    <message>
        <source>MLO pair</source>
        <translation>Par MLO</translation>
    </message>
    <message>
        <source>Right breast</source>
        <translation>Mama derecha</translation>
    </message>
    <message>
        <source>Left breast</source>
        <translation>Mama izquierda</translation>
    </message>
    <message>
        <source>Extra views</source>
        <translation>Proyecciones adicionales</translation>
    </message>
    <message>
        <source>Each view at 1:1, part by part</source>
        <translation>Cada proyección a 1:1, por partes</translation>
    </message>
    <message>
        <source>All standard views over the prior</source>
        <translation>Todas las estándar sobre el previo</translation>
    </message>
    <message>
        <source>CC pair over the prior</source>
        <translation>Par CC sobre el previo</translation>
    </message>
    <message>
        <source>MLO pair over the prior</source>
        <translation>Par MLO sobre el previo</translation>
    </message>
    <message>
        <source>Extra views over the prior</source>
        <translation>Adicionales sobre el previo</translation>
    </message>
    <message>
        <source>{view} at 1:1</source>
        <translation>{view} a 1:1</translation>
    </message>
    <message>
        <source>{views} over prior</source>
        <translation>{views} sobre el previo</translation>
    </message>
    <message>
        <source> and </source>
        <comment>between two words</comment>
        <translation> y </translation>
    </message>
    <message>
        <source>Calibrate this screen</source>
        <translation>Calibrar esta pantalla</translation>
    </message>
    <message>
        <source>Hold a ruler against the screen and make the line {length} mm long.
The arrow keys move its end by a hair. Do this once on each screen.</source>
        <translation>Ponga una regla sobre la pantalla y haga que la línea mida {length} mm.
Las flechas mueven su extremo muy poco a poco. Hágalo una vez en cada pantalla.</translation>
    </message>
    <message>
        <source>Length of the line</source>
        <translation>Longitud de la línea</translation>
    </message>
    <message>
        <source>Size of a pixel</source>
        <translation>Tamaño de un píxel</translation>
    </message>
    <message>
        <source>A pixel is</source>
        <translation>Un píxel mide</translation>
    </message>
    <message>
        <source>make this window wider</source>
        <translation>ensanche esta ventana</translation>
    </message>
    <message>
        <source>Steps</source>
        <translation>Pasos</translation>
    </message>
    <message>
        <source>“Next step” goes through the ticked steps from top to bottom, “Previous step” back. Steps that a study has no images for are left out; images that no step shows follow at the end.</source>
        <translation>«Paso siguiente» recorre de arriba abajo los pasos marcados; «Paso anterior», hacia atrás. Se omiten los pasos sin imágenes en el estudio; las imágenes que ningún paso muestra van al final.</translation>
    </message>
    <message>
        <source>Steps in their order</source>
        <translation>Pasos en su orden</translation>
    </message>
    <message>
        <source>Move &amp;up</source>
        <translation>&amp;Subir</translation>
    </message>
    <message>
        <source>Move &amp;down</source>
        <translation>&amp;Bajar</translation>
    </message>
    <message>
        <source>De&amp;fault</source>
        <translation>&amp;Predeterminado</translation>
    </message>
    <message>
        <source>window and level</source>
        <translation>ventana y nivel</translation>
    </message>
    <message>
        <source>move the image</source>
        <translation>mover la imagen</translation>
    </message>
    <message>
        <source>zoom in and out</source>
        <translation>ampliar y reducir</translation>
    </message>
    <message>
        <source>nothing</source>
        <translation>nada</translation>
    </message>
    <message>
        <source>next and previous view</source>
        <translation>proyección siguiente y anterior</translation>
    </message>
    <message>
        <source>birads-viewer, RadiAnt</source>
        <translation>birads-viewer, RadiAnt</translation>
    </message>
    <message>
        <source>Weasis</source>
        <translation>Weasis</translation>
    </message>
    <message>
        <source>Mammography workstation</source>
        <translation>Estación de mamografía</translation>
    </message>
    <message>
        <source>left button</source>
        <translation>botón izquierdo</translation>
    </message>
    <message>
        <source>middle button</source>
        <translation>botón central</translation>
    </message>
    <message>
        <source>right button</source>
        <translation>botón derecho</translation>
    </message>
    <message>
        <source>Ctrl + wheel</source>
        <translation>Ctrl + rueda</translation>
    </message>
    <message>
        <source>drag with the {button}</source>
        <translation>arrastrar con el {button}</translation>
    </message>
    <message>
        <source>Window and level</source>
        <translation>Ventana y nivel</translation>
    </message>
    <message>
        <source>with Shift all views</source>
        <translation>con Mayús, todas las proyecciones</translation>
    </message>
    <message>
        <source>Space and drag</source>
        <translation>Espacio y arrastrar</translation>
    </message>
    <message>
        <source>What can be done here</source>
        <translation>Qué se puede hacer aquí</translation>
    </message>
    <message>
        <source>click with the right button</source>
        <translation>clic con el botón derecho</translation>
    </message>
    <message>
        <source>Zoom</source>
        <translation>Zoom</translation>
    </message>
    <message>
        <source>Move the image</source>
        <translation>Mover la imagen</translation>
    </message>
    <message>
        <source>Next and previous view</source>
        <translation>Proyección siguiente y anterior</translation>
    </message>
    <message>
        <source>wheel</source>
        <translation>rueda</translation>
    </message>
    <message>
        <source>One view large</source>
        <translation>Una proyección en grande</translation>
    </message>
    <message>
        <source>double click</source>
        <translation>doble clic</translation>
    </message>
    <message>
        <source>Draw, with a tool chosen (needs the mouse)</source>
        <translation>Dibujar con una herramienta elegida (requiere ratón)</translation>
    </message>
    <message>
        <source>drag, or click from point to point</source>
        <translation>arrastrar, o clic de punto en punto</translation>
    </message>
    <message>
        <source>Change a drawing</source>
        <translation>Cambiar un dibujo</translation>
    </message>
    <message>
        <source>drag its line or one of its ends</source>
        <translation>arrastrar su línea o uno de sus extremos</translation>
    </message>
    <message>
        <source>Category in the focused breast</source>
        <translation>Categoría de la mama enfocada</translation>
    </message>
    <message>
        <source>0 … 6, then A, B, C after 4</source>
        <translation>0 … 6; después de 4, también A, B, C</translation>
    </message>
    <message>
        <source>Next field, field before</source>
        <translation>Campo siguiente, campo anterior</translation>
    </message>
    <message>
        <source>Tab · Shift+Tab</source>
        <translation>Tab · Mayús+Tab</translation>
    </message>
    <message>
        <source>One hand reads a study, with Num Lock on:
.  right breast, then left     0 … 6  its category (4 again: 4A, 4B, 4C)     Enter  save
7, 9  step back, on     8  heat-map     /, *  study before, next     +, -  zoom</source>
        <translation>Una mano lee un estudio, con Bloq Num activado:
.  mama derecha, después izquierda     0 … 6  su categoría (4 otra vez: 4A, 4B, 4C)     Intro  guardar
7, 9  paso atrás, adelante     8  mapa de calor     /, *  estudio anterior, siguiente     +, -  zoom</translation>
    </message>
    <message>
        <source>Keys and mouse</source>
        <translation>Teclas y ratón</translation>
    </message>
    <message>
        <source>Find a command or a key …</source>
        <translation>Buscar una orden o una tecla …</translation>
    </message>
    <message>
        <source>Find a command or a key</source>
        <translation>Buscar una orden o una tecla</translation>
    </message>
    <message>
        <source>Commands and their keys</source>
        <translation>Órdenes y sus teclas</translation>
    </message>
    <message>
        <source>What</source>
        <comment>a command</comment>
        <translation>Qué</translation>
    </message>
    <message>
        <source>Key or mouse</source>
        <translation>Tecla o ratón</translation>
    </message>
    <message>
        <source>New key</source>
        <translation>Tecla nueva</translation>
    </message>
    <message>
        <source>&amp;Set</source>
        <translation>&amp;Asignar</translation>
    </message>
    <message>
        <source>&amp;No key</source>
        <translation>&amp;Sin tecla</translation>
    </message>
    <message>
        <source>&amp;Default</source>
        <translation>&amp;Predeterminada</translation>
    </message>
    <message>
        <source>&amp;Keypad layout</source>
        <translation>&amp;Teclado numérico</translation>
    </message>
    <message>
        <source>&amp;All defaults</source>
        <translation>T&amp;odas predeterminadas</translation>
    </message>
    <message>
        <source>File</source>
        <translation>Archivo</translation>
    </message>
    <message>
        <source>Side</source>
        <translation>Lado</translation>
    </message>
    <message>
        <source>Study</source>
        <translation>Estudio</translation>
    </message>
    <message>
        <source>Side, view and study by hand</source>
        <translation>Lado, proyección y estudio a mano</translation>
    </message>
    <message>
        <source>What you say here is kept with the readings and marked on each image; no file changes. The networks are asked anew. Ctrl+Z takes it back.</source>
        <translation>Lo que diga aquí se guarda con las lecturas y se marca en cada imagen; ningún archivo cambia. Se vuelve a preguntar a las redes. Ctrl+Z lo retira.</translation>
    </message>
    <message>
        <source>Images of the other folders &amp;opened, too</source>
        <translation>También las imágenes de las otras carpetas &amp;abiertas</translation>
    </message>
    <message>
        <source>Side of the selected images</source>
        <translation>Lado de las imágenes seleccionadas</translation>
    </message>
    <message>
        <source>View of the selected images</source>
        <translation>Proyección de las imágenes seleccionadas</translation>
    </message>
    <message>
        <source>Study of the selected images</source>
        <translation>Estudio de las imágenes seleccionadas</translation>
    </message>
    <message>
        <source>Patient ID of the study</source>
        <translation>ID de paciente del estudio</translation>
    </message>
    <message>
        <source>&amp;Apply</source>
        <translation>&amp;Aplicar</translation>
    </message>
    <message>
        <source>&amp;Take back</source>
        <translation>&amp;Retirar</translation>
    </message>
    <message>
        <source>&amp;Close</source>
        <translation>&amp;Cerrar</translation>
    </message>
    <message>
        <source>Patient ID</source>
        <translation>ID de paciente</translation>
    </message>
    <message>
        <source>as it is</source>
        <translation>como está</translation>
    </message>
    <message>
        <source>Right</source>
        <translation>Derecho</translation>
    </message>
    <message>
        <source>Left</source>
        <translation>Izquierdo</translation>
    </message>
    <message>
        <source>one study of one patient</source>
        <translation>un estudio de un paciente</translation>
    </message>
    <message>
        <source>each a study of its own</source>
        <translation>cada una un estudio propio</translation>
    </message>
    <message>
        <source>the side</source>
        <translation>el lado</translation>
    </message>
    <message>
        <source>the view</source>
        <translation>la proyección</translation>
    </message>
    <message>
        <source>the patient</source>
        <translation>el paciente</translation>
    </message>
    <message>
        <source>Override what the files themselves say: {what}</source>
        <translation>Anular lo que dicen los propios archivos: {what}</translation>
    </message>
    <message>
        <source>Enter your name in the reading pane first: it is kept with your word.</source>
        <translation>Escriba antes su nombre en el panel de lectura: se guarda con su palabra.</translation>
    </message>
    <message>
        <source>Select images above.</source>
        <translation>Seleccione imágenes arriba.</translation>
    </message>
    <message>
        <source>A study needs a Patient ID.</source>
        <translation>Un estudio necesita un ID de paciente.</translation>
    </message>
    <message>
        <source>The files say otherwise: tick the line above if they are wrong.</source>
        <translation>Los archivos dicen otra cosa: marque la línea de arriba si se equivocan.</translation>
    </message>
    <message>
        <source>These images lie in different folders: be sure that they are one patient&apos;s.</source>
        <translation>Estas imágenes están en carpetas distintas: asegúrese de que son de una misma paciente.</translation>
    </message>
    <message>
        <source>The images of further folders are not listed: open fewer.</source>
        <translation>Las imágenes de más carpetas no se muestran: abra menos.</translation>
    </message>
    <message>
        <source>Mouse and forms</source>
        <translation>Ratón y formularios</translation>
    </message>
    <message>
        <source>no key</source>
        <translation>sin tecla</translation>
    </message>
    <message>
        <source>{command} keeps its key.</source>
        <translation>{command} conserva su tecla.</translation>
    </message>
    <message>
        <source>All commands have the program&apos;s own keys.</source>
        <translation>Todas las órdenes tienen las teclas del programa.</translation>
    </message>
    <message>
        <source>This one stays.</source>
        <translation>Esta no se cambia.</translation>
    </message>
    <message>
        <source>New key for: {command}</source>
        <translation>Tecla nueva para: {command}</translation>
    </message>
    <message>
        <source>{key} is free.</source>
        <translation>{key} está libre.</translation>
    </message>
    <message>
        <source>{key} is set.</source>
        <translation>{key} está asignada.</translation>
    </message>
    <message>
        <source>{key} now belongs to: {command}. It would lose it.</source>
        <translation>{key} es ahora de: {command}. La perdería.</translation>
    </message>
    <message>
        <source>&amp;Take over</source>
        <translation>&amp;Quitar y asignar</translation>
    </message>
    <message>
        <source>not judged</source>
        <translation>sin valorar</translation>
    </message>
    <message>
        <source>Views at one scale.</source>
        <translation>Proyecciones a la misma escala.</translation>
    </message>
    <message>
        <source>Each view fitted by itself; sizes do not compare.</source>
        <translation>Cada proyección ajustada por separado; los tamaños no son comparables.</translation>
    </message>
    <message>
        <source>1 more view not shown.</source>
        <translation>1 proyección más no mostrada.</translation>
    </message>
    <message numerus="yes">
        <source>%n more views not shown.</source>
        <translation>
            <numerusform>%n proyección más no mostrada.</numerusform>
            <numerusform>%n proyecciones más no mostradas.</numerusform>
        </translation>
    </message>
    <message>
        <source>Patient not named</source>
        <translation>Paciente sin identificar</translation>
    </message>
    <message>
        <source>Not told in this reading mode ({mode}).</source>
        <translation>No se indica en este modo de lectura ({mode}).</translation>
    </message>
    <message>
        <source>No answer of the model when this page was made.</source>
        <translation>Sin respuesta del modelo cuando se hizo esta página.</translation>
    </message>
    <message>
        <source>{model}, {hash}. Its category is no assessment; its confidence was calibrated on enriched archive cases.</source>
        <translation>{model}, {hash}. Su categoría no es una valoración; su confianza se calibró con casos de archivo enriquecidos.</translation>
    </message>
    <message>
        <source>not judged: {why}</source>
        <translation>sin valorar: {why}</translation>
    </message>
    <message>
        <source>No reading is on record.</source>
        <translation>No hay ninguna lectura registrada.</translation>
    </message>
    <message>
        <source>the same</source>
        <translation>la misma</translation>
    </message>
    <message>
        <source>before the model&apos;s answer: {category}</source>
        <translation>antes de la respuesta del modelo: {category}</translation>
    </message>
    <message>
        <source>agrees with the model</source>
        <translation>de acuerdo con el modelo</translation>
    </message>
    <message>
        <source>disagrees with the model</source>
        <translation>en desacuerdo con el modelo</translation>
    </message>
    <message>
        <source>Model&apos;s answer</source>
        <translation>Respuesta del modelo</translation>
    </message>
    <message>
        <source>Mammography study summary</source>
        <translation>Resumen del estudio de mamografía</translation>
    </message>
    <message>
        <source>birads-viewer {version}, page made {time}.</source>
        <translation>birads-viewer {version}, página creada el {time}.</translation>
    </message>
    <message>
        <source>Coloured: model attention, not a lesion outline.</source>
        <translation>En color: atención del modelo, no contorno de lesión.</translation>
    </message>
    <message>
        <source>{view} without heat-map</source>
        <translation>{view} sin mapa de calor</translation>
    </message>
    <message>
        <source>{view} cannot be shown</source>
        <translation>{view} no se puede mostrar</translation>
    </message>
    <message>
        <source>{text} … (cut)</source>
        <translation>{text} … (cortado)</translation>
    </message>
    <message>
        <source>As opened</source>
        <translation>Orden de apertura</translation>
    </message>
    <message>
        <source>running …</source>
        <translation>en curso …</translation>
    </message>
    <message>
        <source>Patient {name}</source>
        <translation>Paciente {name}</translation>
    </message>
    <message>
        <source>notes</source>
        <translation>notas</translation>
    </message>
    <message>
        <source>unsaved reading</source>
        <translation>lectura sin guardar</translation>
    </message>
    <message>
        <source>reading not finished</source>
        <translation>lectura sin terminar</translation>
    </message>
    <message>
        <source>All studies</source>
        <translation>Todos los estudios</translation>
    </message>
    <message>
        <source>Unread</source>
        <translation>Sin leer</translation>
    </message>
    <message>
        <source>Read already</source>
        <translation>Ya leídos</translation>
    </message>
    <message>
        <source>Disagreed with the model</source>
        <translation>En desacuerdo con el modelo</translation>
    </message>
    <message>
        <source>Failed</source>
        <translation>Fallidos</translation>
    </message>
    <message>
        <source>Date</source>
        <translation>Fecha</translation>
    </message>
    <message>
        <source>read</source>
        <comment>by the reader</comment>
        <translation>leído</translation>
    </message>
    <message>
        <source>prior</source>
        <comment>an earlier study of a patient</comment>
        <translation>previo</translation>
    </message>
    <message>
        <source>disagreed with the model</source>
        <translation>en desacuerdo con el modelo</translation>
    </message>
    <message>
        <source>right {said}</source>
        <translation>derecha {said}</translation>
    </message>
    <message>
        <source>left {said}</source>
        <translation>izquierda {said}</translation>
    </message>
    <message>
        <source>side unknown, {said}</source>
        <translation>lado desconocido, {said}</translation>
    </message>
    <message>
        <source>model category {category}</source>
        <translation>categoría {category} del modelo</translation>
    </message>
    <message>
        <source>Note</source>
        <comment>on the list</comment>
        <translation>Nota</translation>
    </message>
    <message>
        <source>no date</source>
        <translation>sin fecha</translation>
    </message>
    <message>
        <source>1 image</source>
        <translation>1 imagen</translation>
    </message>
    <message numerus="yes">
        <source>%n images</source>
        <translation>
            <numerusform>%n imagen</numerusform>
            <numerusform>%n imágenes</numerusform>
        </translation>
    </message>
    <message>
        <source>No patient ID</source>
        <translation>Sin ID de paciente</translation>
    </message>
    <message>
        <source>Suspicious: model 4 or 5</source>
        <translation>Sospechoso: modelo 4 o 5</translation>
    </message>
    <message>
        <source>1 file is no image and was skipped.</source>
        <translation>1 archivo no es una imagen y se omitió.</translation>
    </message>
    <message numerus="yes">
        <source>%n files are no images and were skipped.</source>
        <translation>
            <numerusform>%n archivo no es una imagen y se omitió.</numerusform>
            <numerusform>%n archivos no son imágenes y se omitieron.</numerusform>
        </translation>
    </message>
    <message>
        <source>✎ unsaved</source>
        <translation>✎ sin guardar</translation>
    </message>
    <message>
        <source>… not finished</source>
        <translation>… sin terminar</translation>
    </message>
    <message>
        <source>≠ read</source>
        <translation>≠ leído</translation>
    </message>
    <message>
        <source>✓ read</source>
        <translation>✓ leído</translation>
    </message>
    <message>
        <source>Worklist</source>
        <translation>Lista de trabajo</translation>
    </message>
    <message>
        <source>No study is like that. Esc empties the search.</source>
        <translation>Ningún estudio es así. Esc vacía la búsqueda.</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>Pausa</translation>
    </message>
    <message>
        <source>Reading files: {done} of {total}</source>
        <translation>Leyendo archivos: {done} de {total}</translation>
    </message>
    <message>
        <source>Looking for files …</source>
        <translation>Buscando archivos …</translation>
    </message>
    <message>
        <source>By Patient ID; again: the other way round, then as opened</source>
        <translation>Por ID de paciente; otra vez: al revés, luego como se abrieron</translation>
    </message>
    <message>
        <source>The newest first; again: the other way round, then as opened</source>
        <translation>El más reciente primero; otra vez: al revés, luego como se abrieron</translation>
    </message>
    <message>
        <source>What is begun first, then unread; again: the other way round</source>
        <translation>Primero lo empezado, luego lo no leído; otra vez: al revés</translation>
    </message>
    <message>
        <source>The most suspicious first; again: the other way round</source>
        <translation>El más sospechoso primero; otra vez: al revés</translation>
    </message>
    <message>
        <source>Which studies are listed</source>
        <translation>Qué estudios se muestran</translation>
    </message>
    <message>
        <source>{title}: the model&apos;s answers are hidden</source>
        <translation>{title}: las respuestas del modelo están ocultas</translation>
    </message>
    <message>
        <source>The model&apos;s answers are hidden</source>
        <translation>Las respuestas del modelo están ocultas</translation>
    </message>
    <message>
        <source>Sort by: {column}</source>
        <translation>Ordenar por: {column}</translation>
    </message>
    <message>
        <source>Search name, ID or date</source>
        <translation>Buscar nombre, ID o fecha</translation>
    </message>
    <message>
        <source>Search the worklist</source>
        <translation>Buscar en la lista de trabajo</translation>
    </message>
    <message>
        <source>, paused</source>
        <translation>, en pausa</translation>
    </message>
    <message>
        <source>, cancelled</source>
        <translation>, cancelado</translation>
    </message>
    <message>
        <source>Next window preset</source>
        <translation>Ventana siguiente</translation>
    </message>
    <message>
        <source>Previous window preset</source>
        <translation>Ventana anterior</translation>
    </message>
    <message>
        <source>Linear fallback for a broken curve</source>
        <translation>Lineal de reserva para una curva defectuosa</translation>
    </message>
    <message>
        <source>Shutter over film borders and light</source>
        <translation>Obturador sobre bordes de película y luz</translation>
    </message>
    <message>
        <source>Brighter</source>
        <translation>Más claro</translation>
    </message>
    <message>
        <source>Darker</source>
        <translation>Más oscuro</translation>
    </message>
    <message>
        <source>Less contrast</source>
        <translation>Menos contraste</translation>
    </message>
    <message>
        <source>More contrast</source>
        <translation>Más contraste</translation>
    </message>
    <message>
        <source>Fit breasts</source>
        <translation>Ajustar las mamas</translation>
    </message>
    <message>
        <source>Actual pixels (1:1)</source>
        <translation>Píxeles reales (1:1)</translation>
    </message>
    <message>
        <source>Zoom in</source>
        <translation>Acercar</translation>
    </message>
    <message>
        <source>Zoom out</source>
        <translation>Alejar</translation>
    </message>
    <message>
        <source>Move image left</source>
        <translation>Mover la imagen a la izquierda</translation>
    </message>
    <message>
        <source>Move image right</source>
        <translation>Mover la imagen a la derecha</translation>
    </message>
    <message>
        <source>Move image up</source>
        <translation>Mover la imagen hacia arriba</translation>
    </message>
    <message>
        <source>Move image down</source>
        <translation>Mover la imagen hacia abajo</translation>
    </message>
    <message>
        <source>One view / all views</source>
        <translation>Una proyección / todas</translation>
    </message>
    <message>
        <source>One row / two rows</source>
        <translation>Una fila / dos filas</translation>
    </message>
    <message>
        <source>Reset windows and zoom</source>
        <translation>Restablecer ventanas y zoom</translation>
    </message>
    <message>
        <source>Next view</source>
        <translation>Proyección siguiente</translation>
    </message>
    <message>
        <source>Previous view</source>
        <translation>Proyección anterior</translation>
    </message>
    <message>
        <source>Previous step</source>
        <translation>Paso anterior</translation>
    </message>
    <message>
        <source>Prior, then the one before it</source>
        <translation>Estudio previo, y después el anterior a él</translation>
    </message>
    <message>
        <source>Next study</source>
        <translation>Estudio siguiente</translation>
    </message>
    <message>
        <source>Previous study</source>
        <translation>Estudio anterior</translation>
    </message>
    <message>
        <source>Images</source>
        <translation>Imágenes</translation>
    </message>
    <message>
        <source>Pixels do not match the header</source>
        <translation>Los píxeles no corresponden a la cabecera</translation>
    </message>
    <message>
        <source>The file has {pixels} pixels, not {stated}.</source>
        <translation>El archivo tiene {pixels} píxeles, no {stated}.</translation>
    </message>
    <message>
        <source>last step</source>
        <translation>último paso</translation>
    </message>
    <message>
        <source>first step</source>
        <translation>primer paso</translation>
    </message>
    <message>
        <source>prior: none among your steps</source>
        <translation>previo: ninguno entre sus pasos</translation>
    </message>
    <message>
        <source>prior: none in what was opened</source>
        <translation>previo: ninguno en lo abierto</translation>
    </message>
    <message>
        <source>{} or </source>
        <translation>{} o </translation>
    </message>
    <message>
        <source>One view; {key}double click shows all</source>
        <translation>Una proyección; {key}doble clic muestra todas</translation>
    </message>
    <message>
        <source>, part {number} of {count}</source>
        <translation>, parte {number} de {count}</translation>
    </message>
    <message>
        <source>Step {number} of {count}: </source>
        <translation>Paso {number} de {count}: </translation>
    </message>
    <message>
        <source>{done} of {total}</source>
        <translation>{done} de {total}</translation>
    </message>
    <message>
        <source>No study open</source>
        <translation>Ningún estudio abierto</translation>
    </message>
    <message>
        <source>Open a folder of mammograms, or drop one here.</source>
        <translation>Abra una carpeta de mamografías o suéltela aquí.</translation>
    </message>
    <message>
        <source>, but for what is rotated</source>
        <translation>, salvo lo que está girado</translation>
    </message>
    <message>
        <source>low attention  0</source>
        <translation>atención baja  0</translation>
    </message>
    <message>
        <source>1  high attention</source>
        <translation>1  atención alta</translation>
    </message>
    <message>
        <source>Colour scale from 0, low attention, to 1, high attention.</source>
        <translation>Escala de color de 0, atención baja, a 1, atención alta.</translation>
    </message>
    <message>
        <source>Resume</source>
        <translation>Reanudar</translation>
    </message>
    <message>
        <source>check side</source>
        <translation>compruebe el lado</translation>
    </message>
    <message>
        <source>chest wall not as tagged</source>
        <translation>pared torácica ≠ etiqueta</translation>
    </message>
    <message>
        <source>chest wall on other side</source>
        <translation>pared torácica al otro lado</translation>
    </message>
    <message>
        <source>lies on its side by its tag</source>
        <translation>tumbada según su etiqueta</translation>
    </message>
    <message>
        <source>upside down by its tag</source>
        <translation>del revés según su etiqueta</translation>
    </message>
    <message>
        <source>Research use only. Not for diagnostic use.</source>
        <translation>Solo para investigación. No apto para el diagnóstico.</translation>
    </message>
    <message>
        <source>incomplete</source>
        <translation>incompleta</translation>
    </message>
    <message>
        <source>negative</source>
        <translation>negativa</translation>
    </message>
    <message>
        <source>benign</source>
        <translation>benigna</translation>
    </message>
    <message>
        <source>probably benign</source>
        <translation>probablemente benigna</translation>
    </message>
    <message>
        <source>suspicious</source>
        <translation>sospechosa</translation>
    </message>
    <message>
        <source>highly suggestive of malignancy</source>
        <translation>muy sugestiva de malignidad</translation>
    </message>
    <message>
        <source>known malignancy</source>
        <translation>malignidad confirmada</translation>
    </message>
    <message>
        <source>agree</source>
        <translation>de acuerdo</translation>
    </message>
    <message>
        <source>disagree</source>
        <translation>en desacuerdo</translation>
    </message>
    <message>
        <source>not comparable</source>
        <translation>no comparable</translation>
    </message>
    <message>
        <source>concurrent</source>
        <translation>concurrente</translation>
    </message>
    <message>
        <source>second read</source>
        <translation>segunda lectura</translation>
    </message>
    <message>
        <source>blind audit</source>
        <translation>auditoría ciega</translation>
    </message>
    <message>
        <source>calibrated</source>
        <translation>calibrado</translation>
    </message>
    <message>
        <source>at detector</source>
        <translation>en el detector</translation>
    </message>
    <message>
        <source>estimated with magnification</source>
        <translation>estimado con magnificación</translation>
    </message>
    <message>
        <source>from the file</source>
        <translation>del archivo</translation>
    </message>
    <message>
        <source>automatic</source>
        <translation>automática</translation>
    </message>
    <message>
        <source>as saved</source>
        <translation>como se guardó</translation>
    </message>
    <message>
        <source>adjusted</source>
        <translation>ajustada</translation>
    </message>
    <message>
        <source>magnification</source>
        <translation>magnificación</translation>
    </message>
    <message>
        <source>spot compression</source>
        <translation>compresión focalizada</translation>
    </message>
    <message>
        <source>tangential</source>
        <translation>tangencial</translation>
    </message>
    <message>
        <source>cleavage</source>
        <translation>escote</translation>
    </message>
    <message>
        <source>axillary tail</source>
        <translation>cola axilar</translation>
    </message>
    <message>
        <source>rolled lateral</source>
        <translation>rotada lateral</translation>
    </message>
    <message>
        <source>rolled medial</source>
        <translation>rotada medial</translation>
    </message>
    <message>
        <source>rolled inferior</source>
        <translation>rotada inferior</translation>
    </message>
    <message>
        <source>rolled superior</source>
        <translation>rotada superior</translation>
    </message>
    <message>
        <source>anterior compression</source>
        <translation>compresión anterior</translation>
    </message>
    <message>
        <source>axillary tissue</source>
        <translation>tejido axilar</translation>
    </message>
    <message>
        <source>infra-mammary fold</source>
        <translation>surco inframamario</translation>
    </message>
    <message>
        <source>nipple in profile</source>
        <translation>pezón de perfil</translation>
    </message>
    <message>
        <source>implant displaced</source>
        <translation>implante desplazado</translation>
    </message>
    <message>
        <source>breast tomosynthesis</source>
        <translation>tomosíntesis mamaria</translation>
    </message>
    <message>
        <source>breast tomosynthesis projections</source>
        <translation>proyecciones de tomosíntesis mamaria</translation>
    </message>
    <message>
        <source>ultrasound</source>
        <translation>una ecografía</translation>
    </message>
    <message>
        <source>magnetic resonance</source>
        <translation>una resonancia magnética</translation>
    </message>
    <message>
        <source>computed tomography</source>
        <translation>una tomografía computarizada</translation>
    </message>
    <message>
        <source>nuclear medicine</source>
        <translation>medicina nuclear</translation>
    </message>
    <message>
        <source>positron emission tomography</source>
        <translation>una tomografía por emisión de positrones</translation>
    </message>
    <message>
        <source>photograph</source>
        <translation>una fotografía</translation>
    </message>
    <message>
        <source>endoscopy</source>
        <translation>una endoscopia</translation>
    </message>
    <message>
        <source>slide microscopy</source>
        <translation>microscopía de portaobjetos</translation>
    </message>
    <message>
        <source>a colour photograph</source>
        <translation>una fotografía en color</translation>
    </message>
    <message>
        <source>raw detector data (FOR PROCESSING)</source>
        <translation>datos brutos del detector (FOR PROCESSING)</translation>
    </message>
    <message>
        <source>a lesion crop or mask</source>
        <translation>un recorte o una máscara de una lesión</translation>
    </message>
    <message>
        <source>a contrast-enhanced subtraction</source>
        <translation>una sustracción con contraste</translation>
    </message>
    <message>
        <source>a specimen image</source>
        <translation>una imagen de una pieza quirúrgica</translation>
    </message>
    <message>
        <source>a two-dimensional mammogram</source>
        <translation>una mamografía bidimensional</translation>
    </message>
    <message>
        <source>a processed mammogram</source>
        <translation>una mamografía procesada</translation>
    </message>
    <message>
        <source>a whole mammogram</source>
        <translation>una mamografía completa</translation>
    </message>
    <message>
        <source>a plain mammogram</source>
        <translation>una mamografía simple</translation>
    </message>
    <message>
        <source>missing</source>
        <translation>ausente</translation>
    </message>
    <message>
        <source>Both breasts are in one image.</source>
        <translation>Las dos mamas están en una misma imagen.</translation>
    </message>
    <message>
        <source>No view of this breast can be judged.</source>
        <translation>No se puede valorar ninguna proyección de esta mama.</translation>
    </message>
    <message>
        <source>The image is blank.</source>
        <translation>La imagen está vacía.</translation>
    </message>
    <message>
        <source>It does not look like a mammogram.</source>
        <translation>No parece una mamografía.</translation>
    </message>
    <message>
        <source>It looks like a negative: export it with dense tissue bright.</source>
        <translation>Parece un negativo: expórtela con el tejido denso en claro.</translation>
    </message>
    <message>
        <source>It looks upside down: turn it and open it again.</source>
        <translation>Parece estar del revés: gírela y ábrala de nuevo.</translation>
    </message>
    <message>
        <source>No breast found</source>
        <translation>No se encontró la mama</translation>
    </message>
    <message>
        <source>The image is too small to hold one.</source>
        <translation>La imagen es demasiado pequeña para contener una.</translation>
    </message>
    <message>
        <source>The image is blank; check the file.</source>
        <translation>La imagen está vacía; revise el archivo.</translation>
    </message>
    <message>
        <source>Nothing in the image stands out; check the file.</source>
        <translation>Nada destaca en la imagen; revise el archivo.</translation>
    </message>
    <message>
        <source>What is bright is too small to be a breast.</source>
        <translation>Lo que brilla es demasiado pequeño para ser una mama.</translation>
    </message>
    <message>
        <source>Laterality</source>
        <translation>Lateralidad</translation>
    </message>
    <message>
        <source>View</source>
        <translation>Proyección</translation>
    </message>
    <message>
        <source>Laterality and view</source>
        <translation>Lateralidad y proyección</translation>
    </message>
    <message>
        <source>right</source>
        <translation>derecha</translation>
    </message>
    <message>
        <source>left</source>
        <translation>izquierda</translation>
    </message>
    <message>
        <source>Image Laterality and Laterality contradict each other.</source>
        <translation>Image Laterality y Laterality se contradicen.</translation>
    </message>
    <message>
        <source>View Position and View Code contradict each other.</source>
        <translation>View Position y View Code se contradicen.</translation>
    </message>
    <message>
        <source>Laterality is read from the patient orientation.</source>
        <translation>La lateralidad se toma de la orientación del paciente.</translation>
    </message>
    <message>
        <source>tags say both R and L</source>
        <translation>las etiquetas dicen R y L</translation>
    </message>
    <message>
        <source>Implant displaced view.</source>
        <translation>Proyección con implante desplazado.</translation>
    </message>
    <message>
        <source>A breast implant is present.</source>
        <translation>Hay un implante mamario.</translation>
    </message>
    <message>
        <source>Partial view: the breast goes on in another image.</source>
        <translation>Proyección parcial: la mama continúa en otra imagen.</translation>
    </message>
    <message>
        <source>Synthesised from tomosynthesis.</source>
        <translation>Sintetizada a partir de tomosíntesis.</translation>
    </message>
    <message>
        <source>An unusable Rescale Slope is ignored.</source>
        <translation>Se ignora un Rescale Slope inutilizable.</translation>
    </message>
    <message>
        <source>rescale slope ignored</source>
        <translation>pendiente de reescalado ignorada</translation>
    </message>
    <message>
        <source>polarity in doubt: I inverts</source>
        <translation>polaridad dudosa: I invierte</translation>
    </message>
    <message>
        <source>An unknown Presentation LUT Shape is ignored.</source>
        <translation>Se ignora un Presentation LUT Shape desconocido.</translation>
    </message>
    <message>
        <source>A grey-value table (VOI LUT) descends in part.</source>
        <translation>Una tabla de grises (VOI LUT) desciende en parte.</translation>
    </message>
    <message>
        <source>VOI LUT descends in part</source>
        <translation>VOI LUT desciende en parte</translation>
    </message>
    <message>
        <source>it descends</source>
        <translation>es descendente</translation>
    </message>
    <message>
        <source>its descriptor is incomplete</source>
        <translation>su descriptor está incompleto</translation>
    </message>
    <message>
        <source>it is empty</source>
        <translation>está vacía</translation>
    </message>
    <message>
        <source>it is too short</source>
        <translation>es demasiado corta</translation>
    </message>
    <message>
        <source>its entries are no numbers</source>
        <translation>sus entradas no son números</translation>
    </message>
    <message>
        <source>all its entries are equal</source>
        <translation>todas sus entradas son iguales</translation>
    </message>
    <message>
        <source>Window Width is missing: an automatic window is used.</source>
        <translation>Falta Window Width: se usa una ventana automática.</translation>
    </message>
    <message>
        <source>window ignored: it has no width</source>
        <translation>ventana ignorada: no tiene ancho</translation>
    </message>
    <message>
        <source>window ignored: unusable width</source>
        <translation>ventana ignorada: ancho inutilizable</translation>
    </message>
    <message>
        <source>An unknown VOI LUT Function is shown as LINEAR.</source>
        <translation>Una VOI LUT Function desconocida se muestra como LINEAR.</translation>
    </message>
    <message>
        <source>unknown curve shown as linear</source>
        <translation>curva desconocida mostrada como lineal</translation>
    </message>
    <message>
        <source>the others are kept</source>
        <translation>se conservan las demás</translation>
    </message>
    <message>
        <source>an automatic window is used</source>
        <translation>se usa una ventana automática</translation>
    </message>
    <message>
        <source>An absurd magnification factor is ignored.</source>
        <translation>Se ignora un factor de magnificación absurdo.</translation>
    </message>
    <message>
        <source>An absurd pixel spacing is ignored.</source>
        <translation>Se ignora un espaciado de píxel absurdo.</translation>
    </message>
    <message>
        <source>An absurd pixel aspect ratio is ignored.</source>
        <translation>Se ignora una relación de aspecto de píxel absurda.</translation>
    </message>
    <message>
        <source>No pixel spacing: lengths cannot be measured.</source>
        <translation>Sin espaciado de píxel: no se pueden medir longitudes.</translation>
    </message>
    <message>
        <source>Another file holds a copy of this image; shown once.</source>
        <translation>Otro archivo contiene una copia de esta imagen; se muestra una vez.</translation>
    </message>
    <message>
        <source>Another file holds the same picture under a name that contradicts this one.</source>
        <translation>Otro archivo contiene la misma imagen con un nombre que contradice a este.</translation>
    </message>
    <message>
        <source>Another image carries the same SOP Instance UID but differs; both are shown.</source>
        <translation>Otra imagen lleva el mismo SOP Instance UID pero es distinta; se muestran ambas.</translation>
    </message>
    <message>
        <source>Another study carries the same identifier; kept apart.</source>
        <translation>Otro estudio lleva el mismo identificador; se mantienen separados.</translation>
    </message>
    <message>
        <source>Several patients share one Study Instance UID; kept apart.</source>
        <translation>Varios pacientes comparten un Study Instance UID; se mantienen separados.</translation>
    </message>
    <message>
        <source>The Patient&apos;s Name differs between the views of this study.</source>
        <translation>El nombre del paciente difiere entre las proyecciones de este estudio.</translation>
    </message>
    <message>
        <source>Issuer of Patient ID</source>
        <translation>emisor del ID del paciente</translation>
    </message>
    <message>
        <source>Patient&apos;s Birth Date</source>
        <translation>fecha de nacimiento del paciente</translation>
    </message>
    <message>
        <source>Patient IDs</source>
        <translation>ID de paciente</translation>
    </message>
    <message>
        <source>file names</source>
        <translation>nombres de archivo</translation>
    </message>
    <message>
        <source>one folder</source>
        <translation>una carpeta</translation>
    </message>
    <message>
        <source>A copy of an image</source>
        <translation>Una copia de una imagen</translation>
    </message>
    <message>
        <source>The file cannot be opened</source>
        <translation>No se puede abrir el archivo</translation>
    </message>
    <message>
        <source>The file was not found</source>
        <translation>No se encontró el archivo</translation>
    </message>
    <message>
        <source>The folder cannot be opened</source>
        <translation>No se puede abrir la carpeta</translation>
    </message>
    <message>
        <source>Check that it is still there, then open it again.</source>
        <translation>Compruebe que sigue ahí y ábralo de nuevo.</translation>
    </message>
    <message>
        <source>Check that it is still there and that you may read it.</source>
        <translation>Compruebe que sigue ahí y que tiene permiso para leerlo.</translation>
    </message>
    <message>
        <source>Check that its drive is connected, then try again.</source>
        <translation>Compruebe que su unidad está conectada e inténtelo de nuevo.</translation>
    </message>
    <message>
        <source>Ask for permission to read it, or copy it to a place of your own.</source>
        <translation>Pida permiso para leerlo o cópielo a un lugar propio.</translation>
    </message>
    <message>
        <source>The file has changed</source>
        <translation>El archivo ha cambiado</translation>
    </message>
    <message>
        <source>Open the folder again.</source>
        <translation>Abra de nuevo la carpeta.</translation>
    </message>
    <message>
        <source>The file cannot be read</source>
        <translation>No se puede leer el archivo</translation>
    </message>
    <message>
        <source>The file is empty</source>
        <translation>El archivo está vacío</translation>
    </message>
    <message>
        <source>Copy it again from its source.</source>
        <translation>Cópielo de nuevo desde su origen.</translation>
    </message>
    <message>
        <source>The DICOM file is encrypted</source>
        <translation>El archivo DICOM está cifrado</translation>
    </message>
    <message>
        <source>Decrypt it first, or export it unencrypted.</source>
        <translation>Descífrelo antes o expórtelo sin cifrar.</translation>
    </message>
    <message>
        <source>The DICOM header is damaged</source>
        <translation>La cabecera DICOM está dañada</translation>
    </message>
    <message>
        <source>Copy the file again from its source, or export it anew.</source>
        <translation>Copie de nuevo el archivo desde su origen o expórtelo otra vez.</translation>
    </message>
    <message>
        <source>The image data are cut off</source>
        <translation>Los datos de la imagen están incompletos</translation>
    </message>
    <message>
        <source>The image data are corrupt</source>
        <translation>Los datos de la imagen están dañados</translation>
    </message>
    <message>
        <source>The image file is too large</source>
        <translation>El archivo de imagen es demasiado grande</translation>
    </message>
    <message>
        <source>The image is too large</source>
        <translation>La imagen es demasiado grande</translation>
    </message>
    <message>
        <source>The image has no size</source>
        <translation>La imagen no tiene tamaño</translation>
    </message>
    <message>
        <source>The image has no pixels</source>
        <translation>La imagen no tiene píxeles</translation>
    </message>
    <message>
        <source>Only its header is here; export the image anew.</source>
        <translation>Aquí solo está su cabecera; exporte la imagen de nuevo.</translation>
    </message>
    <message>
        <source>A picture of a result, not an image</source>
        <translation>La imagen de un resultado, no una imagen</translation>
    </message>
    <message>
        <source>This program made it of an image and its heat-map.</source>
        <translation>Este programa la hizo de una imagen y su mapa de calor.</translation>
    </message>
    <message>
        <source>A document, not an image</source>
        <translation>Un documento, no una imagen</translation>
    </message>
    <message>
        <source>a file without pixels</source>
        <translation>un archivo sin píxeles</translation>
    </message>
    <message>
        <source>Pixels are fractional numbers</source>
        <translation>Los píxeles son números fraccionarios</translation>
    </message>
    <message>
        <source>Export the image with integer pixels.</source>
        <translation>Exporte la imagen con píxeles enteros.</translation>
    </message>
    <message>
        <source>Compression is not supported</source>
        <translation>Compresión no admitida</translation>
    </message>
    <message>
        <source>Pixel depth is not supported</source>
        <translation>Profundidad de píxel no admitida</translation>
    </message>
    <message>
        <source>Export the image with 8 to 16 bits per pixel.</source>
        <translation>Exporte la imagen con 8 a 16 bits por píxel.</translation>
    </message>
    <message>
        <source>Pixel format is not supported</source>
        <translation>Formato de píxel no admitido</translation>
    </message>
    <message>
        <source>Export the image as 8 or 16 bit greyscale PNG.</source>
        <translation>Exporte la imagen como PNG en grises de 8 o 16 bits.</translation>
    </message>
    <message>
        <source>Colour format is not supported</source>
        <translation>Formato de color no admitido</translation>
    </message>
    <message>
        <source>Export the image in greyscale.</source>
        <translation>Exporte la imagen en escala de grises.</translation>
    </message>
    <message>
        <source>Palette colours are not supported</source>
        <translation>Colores de paleta no admitidos</translation>
    </message>
    <message>
        <source>Export it in greyscale.</source>
        <translation>Expórtela en escala de grises.</translation>
    </message>
    <message>
        <source>Not a DICOM file</source>
        <translation>No es un archivo DICOM</translation>
    </message>
    <message>
        <source>It is only named like one; check how it was exported.</source>
        <translation>Solo lleva el nombre; revise cómo se exportó.</translation>
    </message>
    <message>
        <source>The content is no image</source>
        <translation>El contenido no es una imagen</translation>
    </message>
    <message>
        <source>It is only named like one; check how it was saved.</source>
        <translation>Solo lleva el nombre; revise cómo se guardó.</translation>
    </message>
    <message>
        <source>Image format is not supported</source>
        <translation>Formato de imagen no admitido</translation>
    </message>
    <message>
        <source>Save it as PNG, TIFF or DICOM.</source>
        <translation>Guárdela como PNG, TIFF o DICOM.</translation>
    </message>
    <message>
        <source>DICOMDIR points outside its folder</source>
        <translation>DICOMDIR apunta fuera de su carpeta</translation>
    </message>
    <message>
        <source>Open the folder itself instead of its DICOMDIR.</source>
        <translation>Abra la carpeta misma en lugar de su DICOMDIR.</translation>
    </message>
    <message>
        <source>The DICOMDIR lists no images</source>
        <translation>El DICOMDIR no contiene imágenes</translation>
    </message>
    <message>
        <source>Copy the whole disc again, or open the folder itself.</source>
        <translation>Copie de nuevo todo el disco o abra la carpeta misma.</translation>
    </message>
    <message>
        <source>Listed in DICOMDIR but missing</source>
        <translation>Figura en DICOMDIR pero falta</translation>
    </message>
    <message>
        <source>Not enough memory</source>
        <translation>No hay memoria suficiente</translation>
    </message>
    <message>
        <source>Close other programs and open the image again.</source>
        <translation>Cierre otros programas y abra de nuevo la imagen.</translation>
    </message>
    <message>
        <source>No DICOM header</source>
        <translation>Sin cabecera DICOM</translation>
    </message>
    <message>
        <source>This image is not a DICOM file.</source>
        <translation>Esta imagen no es un archivo DICOM.</translation>
    </message>
    <message>
        <source>the rest is left out</source>
        <translation>se omite el resto</translation>
    </message>
    <message>
        <source>left out</source>
        <translation>omitido</translation>
    </message>
    <message>
        <source>Deeper sequences</source>
        <translation>Secuencias más profundas</translation>
    </message>
    <message>
        <source>1 item</source>
        <translation>1 elemento</translation>
    </message>
    <message>
        <source>Scope gate not installed</source>
        <translation>Filtro de imágenes no instalado</translation>
    </message>
    <message>
        <source>The file that tells mammograms from other images is missing or damaged; install the program again.</source>
        <translation>Falta o está dañado el archivo que distingue las mamografías de otras imágenes; instale de nuevo el programa.</translation>
    </message>
    <message>
        <source>Network not installed</source>
        <translation>Red no instalada</translation>
    </message>
    <message>
        <source>Checkpoint refused</source>
        <translation>Modelo rechazado</translation>
    </message>
    <message>
        <source>its sha-256 is not the one it was shipped with</source>
        <translation>su sha-256 no es el de la versión distribuida</translation>
    </message>
    <message>
        <source>it is larger than any checkpoint of ours</source>
        <translation>es mayor que cualquiera de los nuestros</translation>
    </message>
    <message>
        <source>it cannot be read</source>
        <translation>no se puede leer</translation>
    </message>
    <message>
        <source>not all of its weights are numbers</source>
        <translation>no todos sus pesos son números</translation>
    </message>
    <message>
        <source>it is truncated or not one of ours</source>
        <translation>está incompleto o no es de los nuestros</translation>
    </message>
    <message>
        <source>its architecture is unknown</source>
        <translation>su arquitectura es desconocida</translation>
    </message>
    <message>
        <source>its input size is out of range</source>
        <translation>su tamaño de entrada está fuera de rango</translation>
    </message>
    <message>
        <source>its calibration is for other categories</source>
        <translation>su calibración es para otras categorías</translation>
    </message>
    <message>
        <source>its heat-map has no scale</source>
        <translation>su mapa de calor no tiene escala</translation>
    </message>
    <message>
        <source>its weights do not fit the architecture it names</source>
        <translation>sus pesos no corresponden a la arquitectura que indica</translation>
    </message>
    <message>
        <source>Unexpected fault in this file</source>
        <translation>Fallo inesperado en este archivo</translation>
    </message>
    <message>
        <source>This is a bug of the program: please report it with the log; go on without it.</source>
        <translation>Es un error del programa: comuníquelo con el registro y continúe sin él.</translation>
    </message>
    <message>
        <source>The engine stopped</source>
        <translation>El motor se detuvo</translation>
    </message>
    <message>
        <source>One request stopped it twice and was given up; the others go on.</source>
        <translation>Una petición lo detuvo dos veces y se abandonó; las demás continúan.</translation>
    </message>
    <message>
        <source>Readings cannot be opened</source>
        <translation>No se pueden abrir las lecturas</translation>
    </message>
    <message>
        <source>Readings cannot be saved</source>
        <translation>No se pueden guardar las lecturas</translation>
    </message>
    <message>
        <source>Readings cannot be read</source>
        <translation>No se pueden leer las lecturas</translation>
    </message>
    <message>
        <source>Readings cannot be exported</source>
        <translation>No se pueden exportar las lecturas</translation>
    </message>
    <message>
        <source>The disk is full: make room, then save again.</source>
        <translation>El disco está lleno: libere espacio y guarde de nuevo.</translation>
    </message>
    <message>
        <source>Another program holds the readings file: close it, try again.</source>
        <translation>Otro programa usa el archivo de lecturas: ciérrelo e inténtelo de nuevo.</translation>
    </message>
    <message>
        <source>Check that the data folder exists, may be written to and has room.</source>
        <translation>Compruebe que la carpeta de datos existe, admite escritura y tiene espacio.</translation>
    </message>
    <message>
        <source>Readings file is damaged</source>
        <translation>El archivo de lecturas está dañado</translation>
    </message>
    <message>
        <source>Readings file is missing</source>
        <translation>Falta el archivo de lecturas</translation>
    </message>
    <message>
        <source>Readings file is another program&apos;s</source>
        <translation>El archivo de lecturas es de otro programa</translation>
    </message>
    <message>
        <source>Move that file away or choose another data folder; it was left unchanged.</source>
        <translation>Retire ese archivo o elija otra carpeta de datos; no se ha modificado.</translation>
    </message>
    <message>
        <source>Readings of a newer version</source>
        <translation>Lecturas de una versión más nueva</translation>
    </message>
    <message>
        <source>Update birads-viewer to go on with these readings; they were left unchanged.</source>
        <translation>Actualice birads-viewer para continuar con estas lecturas; no se han modificado.</translation>
    </message>
    <message>
        <source>Reading corrected meanwhile</source>
        <translation>Lectura corregida entretanto</translation>
    </message>
    <message>
        <source>Open the study again, look at the newest reading, and save yours after it.</source>
        <translation>Abra de nuevo el estudio, vea la lectura más reciente y guarde la suya después.</translation>
    </message>
    <message>
        <source>No secret for pseudonyms</source>
        <translation>No hay clave para seudónimos</translation>
    </message>
    <message>
        <source>Secret for pseudonyms is damaged</source>
        <translation>La clave de seudónimos está dañada</translation>
    </message>
    <message>
        <source>not where it was read</source>
        <translation>no está donde se leyó</translation>
    </message>
    <message>
        <source>of a place that was not kept</source>
        <translation>de un lugar que no se guardó</translation>
    </message>
    <message>
        <source>replaced by another image</source>
        <translation>sustituida por otra imagen</translation>
    </message>
    <message>
        <source>unreadable</source>
        <translation>ilegible</translation>
    </message>
    <message>
        <source>no view that networks judge</source>
        <translation>sin proyección que las redes valoren</translation>
    </message>
    <message>
        <source>without a breast to be found</source>
        <translation>sin mama reconocible</translation>
    </message>
    <message>
        <source>with a newer reading of the same breast</source>
        <translation>con una lectura más reciente de la misma mama</translation>
    </message>
    <message>
        <source>Folder belongs to a study</source>
        <translation>La carpeta pertenece a un estudio</translation>
    </message>
    <message>
        <source>Choose a place outside the folders of the images.</source>
        <translation>Elija un lugar fuera de las carpetas de las imágenes.</translation>
    </message>
    <message>
        <source>Folder is not empty</source>
        <translation>La carpeta no está vacía</translation>
    </message>
    <message>
        <source>Choose a new or empty folder for the training data.</source>
        <translation>Elija una carpeta nueva o vacía para los datos de entrenamiento.</translation>
    </message>
    <message>
        <source>Manifest cannot be written</source>
        <translation>No se puede escribir el manifiesto</translation>
    </message>
    <message>
        <source>The header is too large</source>
        <translation>La cabecera es demasiado grande</translation>
    </message>
    <message>
        <source>It cannot be anonymised; export the image anew.</source>
        <translation>No se puede anonimizar; exporte la imagen de nuevo.</translation>
    </message>
    <message>
        <source>Text cannot be blanked here</source>
        <translation>Aquí no se puede borrar el texto</translation>
    </message>
    <message>
        <source>several frames</source>
        <translation>varios fotogramas</translation>
    </message>
    <message>
        <source>colour</source>
        <translation>color</translation>
    </message>
    <message>
        <source>The copy would lie in the study</source>
        <translation>La copia quedaría dentro del estudio</translation>
    </message>
    <message>
        <source>Nothing is written among the images that are read: choose a folder outside them.</source>
        <translation>No se escribe nada entre las imágenes que se leen: elija una carpeta fuera de ellas.</translation>
    </message>
    <message>
        <source>The copy was not written</source>
        <translation>No se escribió la copia</translation>
    </message>
    <message>
        <source>It could not be written</source>
        <translation>No se pudo escribir</translation>
    </message>
    <message>
        <source>Close other programs and copy the study again.</source>
        <translation>Cierre otros programas y copie de nuevo el estudio.</translation>
    </message>
    <message>
        <source>estimated with magnification {factor}</source>
        <translation>estimado con magnificación {factor}</translation>
    </message>
    <message>
        <source>no. {number}</source>
        <translation>n.º {number}</translation>
    </message>
    <message>
        <source>{reason} The networks do not judge it.</source>
        <translation>{reason} Las redes no la valoran.</translation>
    </message>
    <message>
        <source>This is {kind}, not {wanted}.</source>
        <translation>Esto es {kind}, no {wanted}.</translation>
    </message>
    <message>
        <source>a series of {count} frames</source>
        <translation>una serie de {count} fotogramas</translation>
    </message>
    <message>
        <source>RIGHT</source>
        <comment>short, beside other words</comment>
        <translation>DER.</translation>
    </message>
    <message>
        <source>LEFT</source>
        <comment>short, beside other words</comment>
        <translation>IZQ.</translation>
    </message>
    <message>
        <source>This is a {kind} view, not a standard CC or MLO view.</source>
        <translation>Esta proyección ({kind}) no es una CC ni una MLO estándar.</translation>
    </message>
    <message>
        <source>This is an {kind} view, not a standard CC or MLO view.</source>
        <translation>Esta proyección ({kind}) no es una CC ni una MLO estándar.</translation>
    </message>
    <message>
        <source>unknown ({view})</source>
        <translation>desconocida ({view})</translation>
    </message>
    <message>
        <source>The header does not call this a mammogram (modality {modality}).</source>
        <translation>La cabecera no la declara mamografía (modalidad {modality}).</translation>
    </message>
    <message>
        <source>The image is too small to judge ({columns} × {rows} pixels).</source>
        <translation>La imagen es demasiado pequeña para valorarla ({columns} × {rows} píxeles).</translation>
    </message>
    <message>
        <source>The image has only {count} grey levels, so it is no mammogram.</source>
        <translation>La imagen solo tiene {count} niveles de gris; no es una mamografía.</translation>
    </message>
    <message>
        <source>{what} guessed from a name, not from a tag.</source>
        <translation>{what}: se supone por un nombre, no por una etiqueta.</translation>
    </message>
    <message>
        <source>{what} guessed from the file name.</source>
        <translation>{what}: se supone por el nombre del archivo.</translation>
    </message>
    <message>
        <source>Patient Orientation is that of the {side} breast, the header says {stated}; the latter is followed.</source>
        <translation>Patient Orientation corresponde a la mama {side} y la cabecera dice {stated}; se sigue esta última.</translation>
    </message>
    <message>
        <source>orientation tag says {side}</source>
        <translation>orientación dice {side}</translation>
    </message>
    <message>
        <source>a name says {side}</source>
        <translation>un nombre dice {side}</translation>
    </message>
    <message>
        <source>A name says {named}, the header says {stated}; the header is followed.</source>
        <translation>Un nombre dice {named} y la cabecera dice {stated}; se sigue la cabecera.</translation>
    </message>
    <message>
        <source>One of {count} frames is shown.</source>
        <translation>Se muestra uno de {count} fotogramas.</translation>
    </message>
    <message>
        <source>A Modality LUT is ignored: {fault}.</source>
        <translation>Se ignora una Modality LUT: {fault}.</translation>
    </message>
    <message>
        <source>Modality LUT ignored: {fault}</source>
        <translation>Modality LUT ignorada: {fault}</translation>
    </message>
    <message>
        <source>Presentation LUT Shape {shape} contradicts {photometric}; the shape is followed.</source>
        <translation>Presentation LUT Shape {shape} contradice {photometric}; se sigue Presentation LUT Shape.</translation>
    </message>
    <message>
        <source>A grey-value table (VOI LUT) is ignored: {fault}.</source>
        <translation>Se ignora una tabla de grises (VOI LUT): {fault}.</translation>
    </message>
    <message>
        <source>VOI LUT ignored: {fault}</source>
        <translation>VOI LUT ignorada: {fault}</translation>
    </message>
    <message>
        <source>its entries use less than a quarter of the {count} bits it states</source>
        <translation>sus entradas usan menos de un cuarto de los {count} bits que declara</translation>
    </message>
    <message>
        <source>its entries exceed the {count} bits it states</source>
        <translation>sus entradas superan los {count} bits que declara</translation>
    </message>
    <message>
        <source>it states {count} bits per entry</source>
        <translation>declara {count} bits por entrada</translation>
    </message>
    <message>
        <source>A window of width {width} shows black and white only: offered last.</source>
        <translation>Una ventana de ancho {width} solo muestra blanco y negro: se ofrece en último lugar.</translation>
    </message>
    <message>
        <source>window of width {width} set aside</source>
        <translation>ventana de ancho {width} apartada</translation>
    </message>
    <message>
        <source>A window without a usable width is ignored: {kept}.</source>
        <translation>Se ignora una ventana sin ancho utilizable: {kept}.</translation>
    </message>
    <message>
        <source>{copies} already listed: shown once.</source>
        <translation>Repetido en la lista, se muestra una sola vez: {copies}.</translation>
    </message>
    <message>
        <source>{count} copies of images</source>
        <translation>{count} copias de imágenes</translation>
    </message>
    <message>
        <source>Images of {count} patients lie in one folder; kept apart.</source>
        <translation>En una carpeta hay imágenes de {count} pacientes; se mantienen separadas.</translation>
    </message>
    <message>
        <source>In each of {count} folders lie images of more than one patient; kept apart.</source>
        <translation>En cada una de {count} carpetas hay imágenes de más de un paciente; se mantienen separadas.</translation>
    </message>
    <message>
        <source>Images in {where} differ in their names and may be of several patients; kept apart.</source>
        <translation>Las imágenes de {where} difieren en sus nombres y pueden ser de varios pacientes; se mantienen separadas.</translation>
    </message>
    <message>
        <source>each of {count} folders</source>
        <translation>cada una de {count} carpetas</translation>
    </message>
    <message>
        <source>That these views belong to one patient is guessed from their {source}.</source>
        <translation>Que estas proyecciones son de un mismo paciente se supone por: {source}.</translation>
    </message>
    <message>
        <source>The {what} differs between the views of this study.</source>
        <translation>Difiere entre las proyecciones de este estudio: {what}.</translation>
    </message>
    <message>
        <source>Stopped: {count} files were not looked at.</source>
        <translation>Detenido: quedaron {count} archivos sin mirar.</translation>
    </message>
    <message>
        <source>{count} symbolic links to folders or in a loop were not followed; open their targets themselves.</source>
        <translation>No se siguieron {count} enlaces simbólicos a carpetas o en bucle; abra sus destinos directamente.</translation>
    </message>
    <message>
        <source>It is longer than {count} MiB; check where it comes from.</source>
        <translation>Ocupa más de {count} MiB; compruebe de dónde procede.</translation>
    </message>
    <message>
        <source>It claims {rows} × {columns} pixels, more than {count} million; check where the file comes from.</source>
        <translation>Declara {rows} × {columns} píxeles, más de {count} millones; compruebe de dónde procede el archivo.</translation>
    </message>
    <message>
        <source>Open it in another program; it is: {kind}.</source>
        <translation>Ábralo con otro programa; es: {kind}.</translation>
    </message>
    <message>
        <source>Export the image uncompressed or as JPEG 2000; this one is: {kind}.</source>
        <translation>Exporte la imagen sin comprimir o como JPEG 2000; esta es: {kind}.</translation>
    </message>
    <message>
        <source>More than {count} lines</source>
        <translation>Más de {count} líneas</translation>
    </message>
    <message>
        <source>{count} items</source>
        <translation>{count} elementos</translation>
    </message>
    <message>
        <source>Item {number}</source>
        <translation>Elemento {number}</translation>
    </message>
    <message>
        <source>No checkpoint named {name} came with this installation; install it again.</source>
        <translation>Esta instalación no trae ningún modelo llamado {name}; instálela de nuevo.</translation>
    </message>
    <message>
        <source>{name}: {why}. Install the program again or choose another.</source>
        <translation>{name}: {why}. Instale de nuevo el programa o elija otro.</translation>
    </message>
    <message>
        <source>its format is {format}, this program reads {known}</source>
        <translation>su formato es {format}, este programa lee {known}</translation>
    </message>
    <message>
        <source>it holds no region network</source>
        <translation>no contiene una red de regiones</translation>
    </message>
    <message>
        <source>its resolution is out of range</source>
        <translation>su resolución está fuera de rango</translation>
    </message>
    <message>
        <source>The rectangle is empty.</source>
        <translation>El rectángulo está vacío.</translation>
    </message>
    <message>
        <source>The rectangle lies outside the image.</source>
        <translation>El rectángulo está fuera de la imagen.</translation>
    </message>
    <message>
        <source>The rectangle lies outside the breast.</source>
        <translation>El rectángulo está fuera de la mama.</translation>
    </message>
    <message>
        <source>More than half of the rectangle lies outside the breast.</source>
        <translation>Más de la mitad del rectángulo está fuera de la mama.</translation>
    </message>
    <message>
        <source>The rectangle is too small to judge (a side of less than 2 mm).</source>
        <translation>El rectángulo es demasiado pequeño para valorarlo (un lado de menos de 2 mm).</translation>
    </message>
    <message>
        <source>There is nothing to see in the rectangle: it is all of one grey.</source>
        <translation>En el rectángulo no hay nada que ver: todo es de un solo gris.</translation>
    </message>
    <message>
        <source>The rectangle reaches beyond the image; only the part inside was looked at.</source>
        <translation>El rectángulo sobresale de la imagen; solo se miró la parte de dentro.</translation>
    </message>
    <message>
        <source>The pixel spacing is unknown: the image&apos;s own pixels were taken as they are, as if one were 0.1 mm.</source>
        <translation>No se conoce el tamaño de píxel: los píxeles de la imagen se tomaron tal como son, como si uno midiera 0.1 mm.</translation>
    </message>
    <message>
        <source>A pixel of this image is {mm} mm: too coarse to judge calcifications.</source>
        <translation>Un píxel de esta imagen mide {mm} mm: demasiado para valorar calcificaciones.</translation>
    </message>
    <message>
        <source>The rectangle is larger than {size} mm, so it was looked at coarser: {mm} mm for a pixel.</source>
        <translation>El rectángulo mide más de {size} mm, por lo que se miró con menos detalle: {mm} mm por píxel.</translation>
    </message>
    <message>
        <source>Put {name} back: the newest readings are in {other} beside it.</source>
        <translation>Devuelva {name} a su lugar: las lecturas más recientes están junto a él en {other}.</translation>
    </message>
    <message>
        <source>Check that the folder exists, may be written to and has room ({why}).</source>
        <translation>Compruebe que la carpeta existe, admite escritura y tiene espacio ({why}).</translation>
    </message>
    <message>
        <source>Check that the data folder may be written to ({why}).</source>
        <translation>Compruebe que la carpeta de datos admite escritura ({why}).</translation>
    </message>
    <message>
        <source>Move {name} out of the data folder: a new one is made, and patients get other names in exports from then on.</source>
        <translation>Saque {name} de la carpeta de datos: se crea otra y, desde entonces, los pacientes reciben otros nombres en las exportaciones.</translation>
    </message>
    <message>
        <source>The image has {what}: copy it without blanking, and look for text in it yourself.</source>
        <translation>La imagen tiene {what}: cópiela sin borrar y busque usted mismo texto en ella.</translation>
    </message>
    <message>
        <source>{why}: free some space, or choose another folder. What was copied before is complete.</source>
        <translation>{why}: libere espacio o elija otra carpeta. Lo copiado antes está completo.</translation>
    </message>
    <message>
        <source>1 image written for training. Left out: {reasons}.</source>
        <translation>1 imagen escrita para entrenamiento. Se omiten: {reasons}.</translation>
    </message>
    <message>
        <source>{count} images written for training. Left out: {reasons}.</source>
        <translation>{count} imágenes escritas para entrenamiento. Se omiten: {reasons}.</translation>
    </message>
    <message>
        <source>1 image written for training.</source>
        <translation>1 imagen escrita para entrenamiento.</translation>
    </message>
    <message>
        <source>{count} images written for training.</source>
        <translation>{count} imágenes escritas para entrenamiento.</translation>
    </message>
    <message>
        <source>{advice} It stays on the screen and is tried again with the next.</source>
        <translation>{advice} Permanece en la pantalla y se intenta de nuevo con el siguiente.</translation>
    </message>
    <message>
        <source>{why}: free some space, or choose another folder.</source>
        <translation>{why}: libere espacio o elija otra carpeta.</translation>
    </message>
    <message>
        <source>This image could not be shown</source>
        <translation>No se pudo mostrar esta imagen</translation>
    </message>
    <message>
        <source>Close other programs or open fewer studies at a time, then select it again.</source>
        <translation>Cierre otros programas o abra menos estudios a la vez y elíjala de nuevo.</translation>
    </message>
    <message>
        <source>The engine cannot start</source>
        <translation>El motor no puede arrancar</translation>
    </message>
    <message>
        <source>This study could not be judged</source>
        <translation>No se pudo valorar este estudio</translation>
    </message>
    <message>
        <source>flipped left to right</source>
        <translation>volteada en horizontal</translation>
    </message>
    <message>
        <source>flipped top to bottom</source>
        <translation>volteada en vertical</translation>
    </message>
    <message>
        <source>rotated 180°</source>
        <translation>girada 180°</translation>
    </message>
    <message>
        <source>rotated 90° right</source>
        <translation>girada 90° a la derecha</translation>
    </message>
    <message>
        <source>rotated 90° left</source>
        <translation>girada 90° a la izquierda</translation>
    </message>
    <message>
        <source>flipped left to right, rotated 90° right</source>
        <translation>volteada en horizontal, girada 90° a la derecha</translation>
    </message>
    <message>
        <source>flipped left to right, rotated 90° left</source>
        <translation>volteada en horizontal, girada 90° a la izquierda</translation>
    </message>
    <message>
        <source>same size in mm</source>
        <translation>mismo tamaño en mm</translation>
    </message>
    <message>
        <source>same size in mm, by spacings of different origin</source>
        <translation>mismo tamaño en mm, con espaciados de distinto origen</translation>
    </message>
    <message>
        <source>same size in mm, but for views without spacing</source>
        <translation>mismo tamaño en mm, salvo proyecciones sin espaciado</translation>
    </message>
    <message>
        <source>spacings contradict each other: each view fitted, sizes do not compare</source>
        <translation>los espaciados se contradicen: cada proyección ajustada, tamaños no comparables</translation>
    </message>
    <message>
        <source>same scale in pixels</source>
        <translation>misma escala en píxeles</translation>
    </message>
    <message>
        <source>each view fitted, sizes do not compare</source>
        <translation>cada proyección ajustada, tamaños no comparables</translation>
    </message>
    <message>
        <source>Colour: model attention, not a lesion outline.</source>
        <translation>Color: atención del modelo, no contorno de lesión.</translation>
    </message>
    <message>
        <source>The picture was not made</source>
        <translation>No se creó la imagen</translation>
    </message>
    <message>
        <source>Close other programs and try again.</source>
        <translation>Cierre otros programas e inténtelo de nuevo.</translation>
    </message>
    <message>
        <source>The file was not saved</source>
        <translation>No se guardó el archivo</translation>
    </message>
    <message>
        <source>Concurrent</source>
        <translation>Concurrente</translation>
    </message>
    <message>
        <source>The model&apos;s answer is shown at once.</source>
        <translation>La respuesta del modelo se muestra enseguida.</translation>
    </message>
    <message>
        <source>The model&apos;s answer is shown after your own category for each breast.</source>
        <translation>La respuesta del modelo se muestra después de su propia categoría para cada mama.</translation>
    </message>
    <message>
        <source>The model&apos;s answer is kept for the audit and never shown.</source>
        <translation>La respuesta del modelo se conserva para la auditoría y nunca se muestra.</translation>
    </message>
    <message>
        <source>When 27 radiologists were shown wrong categories of an AI, their accuracy dropped sharply at every level of experience (Dratsch, Radiology 2023).</source>
        <translation>Cuando se mostraron categorías erróneas de una IA a 27 radiólogos, su precisión cayó mucho con cualquier nivel de experiencia (Dratsch, Radiology 2023).</translation>
    </message>
    <message>
        <source>Nothing to undo</source>
        <translation>Nada que deshacer</translation>
    </message>
    <message>
        <source>Only what you saved for this study since the program was started, in this reading mode, can be undone.</source>
        <translation>Solo se puede deshacer lo que guardó para este estudio desde que se inició el programa, en este modo de lectura.</translation>
    </message>
    <message>
        <source>The category without the model stays</source>
        <translation>La categoría sin el modelo permanece</translation>
    </message>
    <message>
        <source>The model&apos;s answer was revealed upon it: keep or change it instead.</source>
        <translation>Con ella se mostró la respuesta del modelo: manténgala o cámbiela.</translation>
    </message>
    <message>
        <source>Where this study lies is not known</source>
        <translation>No se sabe dónde está este estudio</translation>
    </message>
    <message>
        <source>It was read with an earlier version: open its folder once, and it is known.</source>
        <translation>Se leyó con una versión anterior: abra una vez su carpeta y se sabrá.</translation>
    </message>
    <message>
        <source>No mammograms found there</source>
        <translation>No se encontraron mamografías ahí</translation>
    </message>
    <message>
        <source>Open a folder or files with DICOM, PNG, JPEG or TIFF mammograms.</source>
        <translation>Abra una carpeta o archivos con mamografías DICOM, PNG, JPEG o TIFF.</translation>
    </message>
    <message>
        <source>The study is not where it was read</source>
        <translation>El estudio no está donde se leyó</translation>
    </message>
    <message>
        <source>Its files were moved, replaced or deleted. Open the folder that holds them now; the reading shows with the study, and is found there from then on.</source>
        <translation>Sus archivos se movieron, sustituyeron o borraron. Abra la carpeta que los contiene ahora; la lectura se muestra con el estudio y desde entonces se encuentra ahí.</translation>
    </message>
    <message>
        <source>What you drew is not kept yet</source>
        <translation>Lo que dibujó aún no está guardado</translation>
    </message>
    <message>
        <source>Hybrid (ResNet-50 + transformer)</source>
        <translation>Híbrido (ResNet-50 + transformer)</translation>
    </message>
    <message>
        <source>Lightweight CNN</source>
        <translation>CNN ligera</translation>
    </message>
    <message>
        <source>not asked</source>
        <translation>sin consultar</translation>
    </message>
    <message>
        <source>queued</source>
        <translation>en cola</translation>
    </message>
    <message>
        <source>failed</source>
        <translation>fallido</translation>
    </message>
    <message>
        <source>This is a fault of the program: please report it with its log file.</source>
        <translation>Es un fallo del programa: comuníquelo con su archivo de registro.</translation>
    </message>
    <message>
        <source>Demo exams are not installed</source>
        <translation>Los estudios de demostración no están instalados</translation>
    </message>
    <message>
        <source>Install them with: pip install &apos;birads-viewer[demo]&apos;</source>
        <translation>Instálelos con: pip install &apos;birads-viewer[demo]&apos;</translation>
    </message>
    <message>
        <source>About birads-viewer</source>
        <translation>Acerca de birads-viewer</translation>
    </message>
    <message>
        <source>&lt;p&gt;Mammography studies, read beside a local BI-RADS model. Images and readings stay on this computer, unless your site has configured its network.&lt;/p&gt;&lt;p&gt;The model&apos;s category is not an assessment, its confidence was calibrated on enriched archive cases, and its heat-map shows attention, not the outline of a lesion.&lt;/p&gt;</source>
        <translation>&lt;p&gt;Estudios de mamografía leídos junto a un modelo BI-RADS local. Las imágenes y las lecturas no salen de este equipo, salvo que su centro haya configurado su red.&lt;/p&gt;&lt;p&gt;La categoría del modelo no es una valoración, su confianza se calibró con casos de archivo enriquecidos y su mapa de calor muestra atención, no el contorno de una lesión.&lt;/p&gt;</translation>
    </message>
    <message>
        <source>Third-party notices</source>
        <translation>Avisos de terceros</translation>
    </message>
    <message>
        <source>About</source>
        <translation>Acerca de</translation>
    </message>
    <message>
        <source>No key was pressed.</source>
        <translation>No se pulsó ninguna tecla.</translation>
    </message>
    <message>
        <source>{key} has its own use in the forms and on buttons.</source>
        <translation>{key} tiene su propio uso en los formularios y botones.</translation>
    </message>
    <message>
        <source>{key} opens a menu.</source>
        <translation>{key} abre un menú.</translation>
    </message>
    <message>
        <source>{key} always belongs to: {command}.</source>
        <translation>{key} es siempre de: {command}.</translation>
    </message>
    <message>
        <source>Images – birads-viewer</source>
        <translation>Imágenes – birads-viewer</translation>
    </message>
    <message>
        <source>Images in a &amp;window of their own</source>
        <translation>Imágenes en una &amp;ventana propia</translation>
    </message>
    <message>
        <source>Images on the &amp;next screen</source>
        <translation>Imágenes en la &amp;siguiente pantalla</translation>
    </message>
    <message>
        <source>{key} brings them back.</source>
        <translation>{key} las devuelve.</translation>
    </message>
    <message>
        <source>The menu Panes brings them back.</source>
        <translation>El menú Paneles las devuelve.</translation>
    </message>
    <message>
        <source>The images are in a window of their own.</source>
        <translation>Las imágenes están en una ventana propia.</translation>
    </message>
    <message>
        <source>{key}: back into the main window</source>
        <translation>{key}: volver a la ventana principal</translation>
    </message>
    <message>
        <source>A screen is gone: the images are back in the main window</source>
        <translation>Se perdió una pantalla: las imágenes vuelven a la ventana principal</translation>
    </message>
    <message>
        <source>Ruler</source>
        <translation>Regla</translation>
    </message>
    <message>
        <source>Angle</source>
        <translation>Ángulo</translation>
    </message>
    <message>
        <source>Ellipse: mean and deviation</source>
        <translation>Elipse: media y desviación</translation>
    </message>
    <message>
        <source>Arrow</source>
        <translation>Flecha</translation>
    </message>
    <message>
        <source>Text</source>
        <translation>Texto</translation>
    </message>
    <message>
        <source>Remove drawing</source>
        <translation>Quitar el dibujo</translation>
    </message>
    <message>
        <source>Put the tool away</source>
        <translation>Dejar la herramienta</translation>
    </message>
    <message>
        <source>Link panning, mirrored</source>
        <translation>Vincular desplazamiento, en espejo</translation>
    </message>
    <message>
        <source>Link zoom, mirrored</source>
        <translation>Vincular zoom, en espejo</translation>
    </message>
    <message>
        <source>Link window</source>
        <translation>Vincular ventana</translation>
    </message>
    <message>
        <source>Magnifying glass 1:1</source>
        <translation>Lupa 1:1</translation>
    </message>
    <message>
        <source>Magnifying glass 2:1</source>
        <translation>Lupa 2:1</translation>
    </message>
    <message>
        <source>Quadrant tour at 1:1, next part</source>
        <translation>Recorrido por cuadrantes a 1:1, parte siguiente</translation>
    </message>
    <message>
        <source>Quadrant tour at 1:1, part before</source>
        <translation>Recorrido por cuadrantes a 1:1, parte anterior</translation>
    </message>
    <message>
        <source>True size</source>
        <translation>Tamaño real</translation>
    </message>
    <message>
        <source>Calibrate this screen with a ruler …</source>
        <translation>Calibrar esta pantalla con una regla …</translation>
    </message>
    <message>
        <source>Local contrast (CLAHE), a display aid</source>
        <translation>Contraste local (CLAHE), ayuda visual</translation>
    </message>
    <message>
        <source>Less or all text on the images</source>
        <translation>Menos o todo el texto sobre las imágenes</translation>
    </message>
    <message>
        <source>DICOM header …</source>
        <translation>Cabecera DICOM …</translation>
    </message>
    <message>
        <source>Flip left to right</source>
        <translation>Voltear en horizontal</translation>
    </message>
    <message>
        <source>Flip top to bottom</source>
        <translation>Voltear en vertical</translation>
    </message>
    <message>
        <source>Rotate right</source>
        <translation>Girar a la derecha</translation>
    </message>
    <message>
        <source>Rotate left</source>
        <translation>Girar a la izquierda</translation>
    </message>
    <message>
        <source>Text: {level}</source>
        <translation>Texto: {level}</translation>
    </message>
    <message>
        <source>{view} has no pixel spacing: no true size</source>
        <translation>{view} no tiene espaciado de píxel: sin tamaño real</translation>
    </message>
    <message>
        <source>True size needs this screen calibrated with a ruler</source>
        <translation>El tamaño real requiere calibrar esta pantalla con una regla</translation>
    </message>
    <message>
        <source>Quadrant tour done</source>
        <translation>Recorrido por cuadrantes terminado</translation>
    </message>
    <message>
        <source>Quadrant tour: {view}, part {number} of {count}</source>
        <translation>Recorrido por cuadrantes: {view}, parte {number} de {count}</translation>
    </message>
    <message>
        <source> · {} goes on</source>
        <translation> · {} continúa</translation>
    </message>
    <message>
        <source>padding</source>
        <translation>relleno</translation>
    </message>
    <message>
        <source>value {value}</source>
        <translation>valor {value}</translation>
    </message>
    <message>
        <source>row {row}, column {column}</source>
        <translation>fila {row}, columna {column}</translation>
    </message>
    <message>
        <source>Nothing to undo since this study came up</source>
        <translation>Nada que deshacer desde que se abrió este estudio</translation>
    </message>
    <message>
        <source>Drawing on {view} undone</source>
        <translation>Dibujo en {view} deshecho</translation>
    </message>
    <message>
        <source>Drawing on {view} drawn again</source>
        <translation>Dibujo en {view} rehecho</translation>
    </message>
    <message>
        <source>No drawing to redo; a reading is entered and saved again</source>
        <translation>No hay dibujo que rehacer; una lectura se introduce y se guarda de nuevo</translation>
    </message>
    <message>
        <source>Save or discard them before a saved one is undone.</source>
        <translation>Guárdelas o descártelas antes de deshacer una guardada.</translation>
    </message>
    <message>
        <source>Side, vie&amp;w and study by hand …</source>
        <translation>Lado, pro&amp;yección y estudio a mano …</translation>
    </message>
    <message>
        <source>Open the study that the images are in.</source>
        <translation>Abra el estudio en el que están las imágenes.</translation>
    </message>
    <message>
        <source>No study is open</source>
        <translation>No hay ningún estudio abierto</translation>
    </message>
    <message>
        <source>Save or discard what was entered for these images first.</source>
        <translation>Guarde o descarte antes lo escrito para estas imágenes.</translation>
    </message>
    <message>
        <source>Unsaved entries</source>
        <translation>Entradas sin guardar</translation>
    </message>
    <message>
        <source>What was given by hand for the images is undone</source>
        <translation>Se deshizo lo dado a mano para las imágenes</translation>
    </message>
    <message>
        <source>{breast}: no reading of it stands any more.</source>
        <translation>{breast}: ya no consta ninguna lectura.</translation>
    </message>
    <message>
        <source>{breast}: BI-RADS {category} stands again.</source>
        <translation>{breast}: vuelve a constar BI-RADS {category}.</translation>
    </message>
    <message>
        <source>Reading undone</source>
        <translation>Lectura deshecha</translation>
    </message>
    <message>
        <source>Both are on record.</source>
        <translation>Ambas quedan registradas.</translation>
    </message>
    <message>
        <source>Readings cannot be copied</source>
        <translation>Las lecturas no se pueden copiar</translation>
    </message>
    <message>
        <source>Readings cannot be restored</source>
        <translation>Las lecturas no se pueden restaurar</translation>
    </message>
    <message>
        <source>It was left unchanged. Put the newest backup in its place: birads-engine readings restore FILE; the damaged file is kept.</source>
        <translation>No se ha modificado. Ponga en su lugar la copia de seguridad más reciente: birads-engine readings restore FILE; el archivo dañado se conserva.</translation>
    </message>
    <message>
        <source>Put the newest backup in its place: birads-engine readings restore FILE.</source>
        <translation>Ponga en su lugar la copia de seguridad más reciente: birads-engine readings restore FILE.</translation>
    </message>
    <message>
        <source>Readings file is empty</source>
        <translation>El archivo de lecturas está vacío</translation>
    </message>
    <message>
        <source>Readings file was changed</source>
        <translation>El archivo de lecturas ha sido alterado</translation>
    </message>
    <message>
        <source>Readings file was missing</source>
        <translation>Faltaba el archivo de lecturas</translation>
    </message>
    <message>
        <source>It was deleted or moved while it was open, and has been written anew with everything that had been saved.</source>
        <translation>Se borró o se movió mientras estaba abierto, y se ha escrito de nuevo con todo lo que se había guardado.</translation>
    </message>
    <message>
        <source>Readings file was replaced</source>
        <translation>El archivo de lecturas fue reemplazado</translation>
    </message>
    <message>
        <source>What was saved just now is in the file that is kept beside it: save it again.</source>
        <translation>Lo que se acaba de guardar está en el archivo que se conserva a su lado: guárdelo de nuevo.</translation>
    </message>
    <message>
        <source>Readings are missing</source>
        <translation>Faltan lecturas</translation>
    </message>
    <message>
        <source>The file was copied without the -wal file beside it, and the newest readings are in that: copy both, or use birads-engine readings backup DIR. To go on without them, restore the file from itself (birads-engine readings restore FILE).</source>
        <translation>El archivo se copió sin el archivo -wal que tenía al lado, y las lecturas más recientes están en él: copie ambos o use birads-engine readings backup DIR. Para seguir sin ellas, restaure el archivo desde sí mismo (birads-engine readings restore FILE).</translation>
    </message>
    <message>
        <source>Readings may be missing</source>
        <translation>Puede que falten lecturas</translation>
    </message>
    <message>
        <source>The file&apos;s anchor is not beside it, so nothing tells whether the newest rows are there. Copies are made by birads-engine readings backup DIR.</source>
        <translation>El ancla del archivo no está a su lado, y nada dice si las filas más recientes están. Las copias se hacen con birads-engine readings backup DIR.</translation>
    </message>
    <message>
        <source>The file is of an older version: its rows are linked when it is opened.</source>
        <translation>El archivo es de una versión anterior: sus filas se encadenan al abrirlo.</translation>
    </message>
    <message>
        <source>The newest rows may be missing: the anchor beside the file is not there.</source>
        <translation>Puede que falten las filas más recientes: el ancla junto al archivo no está.</translation>
    </message>
    <message>
        <source>The newest rows are others than those that were stored.</source>
        <translation>Las filas más recientes no son las que se guardaron.</translation>
    </message>
    <message>
        <source>There is no readings file.</source>
        <translation>No hay archivo de lecturas.</translation>
    </message>
    <message>
        <source>The file is not one of ours.</source>
        <translation>El archivo no es de este programa.</translation>
    </message>
    <message>
        <source>The file is damaged.</source>
        <translation>El archivo está dañado.</translation>
    </message>
    <message>
        <source>The file is of a newer version.</source>
        <translation>El archivo es de una versión más reciente.</translation>
    </message>
    <message>
        <source>The file is missing.</source>
        <translation>Falta el archivo.</translation>
    </message>
    <message>
        <source>The file is empty.</source>
        <translation>El archivo está vacío.</translation>
    </message>
    <message>
        <source>Backup is not usable</source>
        <translation>La copia de seguridad no sirve</translation>
    </message>
    <message>
        <source>No backup there</source>
        <translation>Ahí no hay copia de seguridad</translation>
    </message>
    <message>
        <source>Readings are in use</source>
        <translation>Las lecturas están en uso</translation>
    </message>
    <message>
        <source>Close birads-viewer, then restore the backup.</source>
        <translation>Cierre birads-viewer y restaure después la copia.</translation>
    </message>
    <message>
        <source>By an earlier state of it: everything saved since is put back, and the other file is kept beside it as {name}.</source>
        <translation>Por un estado anterior: todo lo guardado desde entonces se ha repuesto, y el otro archivo se conserva a su lado como {name}.</translation>
    </message>
    <message>
        <source>Its table {table} is missing or changed, and it was left so. {advice}</source>
        <translation>Su tabla {table} falta o ha sido alterada, y así se ha dejado. {advice}</translation>
    </message>
    <message>
        <source>Its trigger {trigger} is missing, changed or not ours. Restore the file from itself (birads-engine readings restore FILE): all rows are checked, and triggers put back.</source>
        <translation>Su disparador {trigger} falta, ha sido alterado o es ajeno. Restaure el archivo desde sí mismo (birads-engine readings restore FILE): se comprueban todas las filas y se reponen los disparadores.</translation>
    </message>
    <message>
        <source>{advice} To start anew without it, move {name} away, too.</source>
        <translation>{advice} Para empezar de nuevo sin él, retire también {name}.</translation>
    </message>
    <message>
        <source>Readings go into the file that lies there now. What was saved before is kept beside it as {name}.</source>
        <translation>Las lecturas van al archivo que está ahora ahí. Lo guardado antes se conserva a su lado como {name}.</translation>
    </message>
    <message>
        <source>{advice} What was saved before is kept beside it as {name}.</source>
        <translation>{advice} Lo guardado antes se conserva a su lado como {name}.</translation>
    </message>
    <message>
        <source>Something has emptied {name}. {advice}</source>
        <translation>Algo ha vaciado {name}. {advice}</translation>
    </message>
    <message>
        <source>The file is not the one that was saved last: {held} of {count} rows are there. {advice}</source>
        <translation>El archivo no es el que se guardó por última vez: hay {held} de {count} filas. {advice}</translation>
    </message>
    <message>
        <source>Row {row} of table {table} is not as it was stored.</source>
        <translation>La fila {row} de la tabla {table} no está como se guardó.</translation>
    </message>
    <message>
        <source>Row {row} of table {table} was deleted.</source>
        <translation>La fila {row} de la tabla {table} fue borrada.</translation>
    </message>
    <message>
        <source>Row {row} of table {table} was added by another program.</source>
        <translation>La fila {row} de la tabla {table} fue añadida por otro programa.</translation>
    </message>
    <message>
        <source>Table {table} is missing or changed.</source>
        <translation>La tabla {table} falta o ha sido alterada.</translation>
    </message>
    <message>
        <source>Trigger {trigger} is missing, changed or not ours.</source>
        <translation>El disparador {trigger} falta, ha sido alterado o es ajeno.</translation>
    </message>
    <message>
        <source>The newest rows are missing: {held} of {count} are there.</source>
        <translation>Faltan las filas más recientes: hay {held} de {count}.</translation>
    </message>
    <message>
        <source>{problem} Saving goes on; ask who has had access, and see birads-engine readings restore --help for putting a backup in its place.</source>
        <translation>{problem} Se sigue guardando; averigüe quién ha tenido acceso, y vea en birads-engine readings restore --help cómo poner una copia de seguridad en su lugar.</translation>
    </message>
    <message>
        <source>{problem} Choose another one.</source>
        <translation>{problem} Elija otra.</translation>
    </message>
    <message>
        <source>The folder {name} holds no .sqlite file.</source>
        <translation>La carpeta {name} no contiene ningún archivo .sqlite.</translation>
    </message>
    <message>
        <source>{advice} It stays on the screen; save it before you quit.</source>
        <translation>{advice} Queda en la pantalla; guárdelo antes de salir.</translation>
    </message>
    <message>
        <source>What you entered is not kept yet</source>
        <translation>Lo que ha introducido aún no se conserva</translation>
    </message>
    <message>
        <source>Entered {time} and not saved: save it, change it, or discard it.</source>
        <translation>Introducido el {time} y no guardado: guárdelo, cámbielo o descártelo.</translation>
    </message>
    <message>
        <source>Ask about a spot: drag a rectangle around it</source>
        <translation>Preguntar por un punto: arrastre un rectángulo a su alrededor</translation>
    </message>
    <message>
        <source>category {grade}, confidence {percent}</source>
        <translation>categoría {grade}, confianza {percent}</translation>
    </message>
    <message>
        <source>P(malignant) {percent}</source>
        <translation>P(maligno) {percent}</translation>
    </message>
    <message>
        <source>asking about this spot …</source>
        <translation>preguntando por este punto …</translation>
    </message>
    <message>
        <source>Spots asked about</source>
        <translation>Puntos consultados</translation>
    </message>
    <message>
        <source>its network cannot take frames of the size it names</source>
        <translation>su red no admite imágenes del tamaño que indica</translation>
    </message>
    <message>
        <source>This spot could not be judged</source>
        <translation>No se pudo valorar este punto</translation>
    </message>
    <message>
        <source>Spots can be asked about after your own category for each breast</source>
        <translation>Se puede preguntar por un punto después de su propia categoría para cada mama</translation>
    </message>
    <message>
        <source>Spots can be asked about once the model&apos;s answer is there</source>
        <translation>Se puede preguntar por un punto en cuanto llegue la respuesta del modelo</translation>
    </message>
    <message>
        <source>Nothing is asked about spots in a blind audit</source>
        <translation>En una auditoría ciega no se pregunta por ningún punto</translation>
    </message>
    <message>
        <source>Everything was listed anew: look whose study is open now.</source>
        <translation>Todo se ha listado de nuevo: mire de quién es el estudio abierto.</translation>
    </message>
    <message>
        <source>Ask about the spot at the pointer</source>
        <translation>Preguntar por el punto bajo el puntero</translation>
    </message>
    <message>
        <source>Ask about a rectangle</source>
        <translation>Preguntar por un rectángulo</translation>
    </message>
    <message>
        <source>Point at a spot on an image</source>
        <translation>Señale un punto de una imagen</translation>
    </message>
    <message>
        <source>, then {}</source>
        <translation>, luego {}</translation>
    </message>
    <message>
        <source>Nothing is asked about an earlier study: open it by itself</source>
        <translation>No se pregunta por un estudio anterior: ábralo por sí solo</translation>
    </message>
    <message>
        <source>{view} has no pixel spacing: the square is a twelfth of its longer side</source>
        <translation>{view} no tiene espaciado de píxel: el cuadrado es un doceavo de su lado más largo</translation>
    </message>
    <message>
        <source>no answer: draw it anew to ask</source>
        <translation>sin respuesta: dibújelo de nuevo para preguntar</translation>
    </message>
    <message>
        <source>pattern like training grade {grade}</source>
        <translation>como el grado {grade} de entrenamiento</translation>
    </message>
    <message>
        <source>Both networks as one</source>
        <translation>Ambas redes como una</translation>
    </message>
    <message>
        <source>Both</source>
        <translation>Ambas</translation>
    </message>
    <message>
        <source>Hybrid</source>
        <translation>Híbrida</translation>
    </message>
    <message>
        <source>Light</source>
        <translation>Ligera</translation>
    </message>
    <message>
        <source>The breast rests on its one view that can be judged: {view}.</source>
        <translation>La mama se apoya en su única proyección valorable: {view}.</translation>
    </message>
    <message>
        <source>The breast rests on the mean of its {count} views ({views}): what each gives for and against every category is averaged, and the average is calibrated on breasts. One alarming view is toned down by the other.</source>
        <translation>La mama se apoya en la media de sus {count} proyecciones ({views}): se promedia lo que cada una da a favor y en contra de cada categoría, y la media se calibra con mamas. Una proyección alarmante queda atenuada por la otra.</translation>
    </message>
    <message>
        <source>breast</source>
        <translation>mama</translation>
    </message>
    <message>
        <source>below 0.1 per 1,000</source>
        <translation>menos de 0,1 por 1000</translation>
    </message>
    <message>
        <source>above 999 per 1,000</source>
        <translation>más de 999 por 1000</translation>
    </message>
    <message>
        <source>{number} per 1,000</source>
        <translation>{number} por 1000</translation>
    </message>
    <message>
        <source>Not shifted to your cancers per 1,000: the model does not tell its own.</source>
        <translation>Sin ajustar a sus cánceres por 1000: el modelo no indica los suyos.</translation>
    </message>
    <message>
        <source>→ shifted to {cancers} per 1,000 women; % is unshifted.</source>
        <translation>→ ajustada a {cancers} por 1000 mujeres; % sin ajustar.</translation>
    </message>
    <message>
        <source>P(4 or 5) {percent}</source>
        <translation>P(4 o 5) {percent}</translation>
    </message>
    <message>
        <source>Each network alone:</source>
        <translation>Cada red por sí sola:</translation>
    </message>
    <message>
        <source>Both networks say the same categories.</source>
        <translation>Ambas redes dan las mismas categorías.</translation>
    </message>
    <message>
        <source>The networks differ: {places}</source>
        <translation>Las redes difieren: {places}</translation>
    </message>
    <message>
        <source>differs</source>
        <translation>difiere</translation>
    </message>
    <message>
        <source>differ: {places}</source>
        <translation>dif.: {places}</translation>
    </message>
    <message>
        <source>the same categories</source>
        <translation>mismas categorías</translation>
    </message>
    <message>
        <source>category {grade} ({meaning}), confidence {percent}; P(4 or 5) {suspicion}</source>
        <translation>categoría {grade} ({meaning}), confianza {percent}; P(4 o 5) {suspicion}</translation>
    </message>
    <message>
        <source>&amp;Cancers per 1,000 women …</source>
        <translation>&amp;Cánceres por 1000 mujeres…</translation>
    </message>
    <message>
        <source>Cancers per 1,000 women</source>
        <translation>Cánceres por 1000 mujeres</translation>
    </message>
    <message>
        <source>How many cancers do you see in 1,000 women screened? What the model says is then also shown shifted to that, by Bayes&apos; rule. Readings and exports keep the unshifted numbers. 0: not stated.</source>
        <translation>¿Cuántos cánceres ve en 1000 mujeres cribadas? Lo que dice el modelo se muestra entonces también ajustado a ello, por la regla de Bayes. Las lecturas y exportaciones conservan los números sin ajustar. 0: no indicado.</translation>
    </message>
    <message>
        <source>it names a network in another folder</source>
        <translation>nombra una red de otra carpeta</translation>
    </message>
    <message>
        <source>a network beside it is not the one that it was joined with</source>
        <translation>una red junto a él no es aquella con la que se unió</translation>
    </message>
    <message>
        <source>its networks do not fit each other</source>
        <translation>sus redes no encajan entre sí</translation>
    </message>
    <message>
        <source>P(4 or 5) above {limit} %</source>
        <translation>P(4 o 5) sobre {limit} %</translation>
    </message>
    <message>
        <source>{view} {category} but {other_view} {other_category}</source>
        <translation>{view} {category} pero {other_view} {other_category}</translation>
    </message>
    <message>
        <source>{count} views</source>
        <translation>{count} proyecciones</translation>
    </message>
    <message>
        <source>exaggerated</source>
        <translation>exagerada</translation>
    </message>
    <message>
        <source>rolled</source>
        <translation>rotada</translation>
    </message>
    <message>
        <source>a three-dimensional X-ray image</source>
        <translation>una imagen radiográfica tridimensional</translation>
    </message>
    <message>
        <source>computed tomography or a tomosynthesis slice</source>
        <translation>una tomografía computarizada o un corte de tomosíntesis</translation>
    </message>
    <message>
        <source>a tomosynthesis projection</source>
        <translation>una proyección de tomosíntesis</translation>
    </message>
    <message>
        <source>a tomosynthesis slice</source>
        <translation>un corte de tomosíntesis</translation>
    </message>
    <message>
        <source>a biopsy image</source>
        <translation>una imagen de biopsia</translation>
    </message>
    <message>
        <source>a ductogram</source>
        <translation>una galactografía</translation>
    </message>
    <message>
        <source>a high-energy contrast image</source>
        <translation>una imagen con contraste de alta energía</translation>
    </message>
    <message>
        <source>a contrast-enhanced image</source>
        <translation>una imagen con contraste</translation>
    </message>
    <message>
        <source>a breast with an implant</source>
        <translation>una mama con implante</translation>
    </message>
    <message>
        <source>a breast without one</source>
        <translation>una mama sin él</translation>
    </message>
    <message>
        <source>an exposure at {voltage} kV</source>
        <translation>una exposición a {voltage} kV</translation>
    </message>
    <message>
        <source>view position says {side}</source>
        <translation>la proyección dice {side}</translation>
    </message>
    <message>
        <source>View Position says {named}, the laterality {stated}; the latter is followed.</source>
        <translation>La proyección dice {named}, la lateralidad {stated}; se sigue esta última.</translation>
    </message>
    <message>
        <source>The path is too long</source>
        <translation>La ruta es demasiado larga</translation>
    </message>
    <message>
        <source>Copy the innermost folders to a place of their own, then open them.</source>
        <translation>Copie las carpetas más internas a un lugar propio y ábralas después.</translation>
    </message>
    <message>
        <source>Too many files are open</source>
        <translation>Hay demasiados archivos abiertos</translation>
    </message>
    <message>
        <source>Close other programs, then open it again.</source>
        <translation>Cierre otros programas y vuelva a abrirlo.</translation>
    </message>
    <message>
        <source>The drive reports an error</source>
        <translation>La unidad informa de un error</translation>
    </message>
    <message>
        <source>Copy it again from its source, to another drive if need be.</source>
        <translation>Cópielo de nuevo desde su origen, si hace falta a otra unidad.</translation>
    </message>
    <message>
        <source>Another program holds the file</source>
        <translation>Otro programa retiene el archivo</translation>
    </message>
    <message>
        <source>Close it there, then open it again.</source>
        <translation>Ciérrelo allí y vuelva a abrirlo.</translation>
    </message>
    <message>
        <source>An archive is not opened</source>
        <translation>Un archivo comprimido no se abre</translation>
    </message>
    <message>
        <source>Unpack it, then open the folder that comes of it.</source>
        <translation>Descomprímalo y abra después la carpeta resultante.</translation>
    </message>
    <message>
        <source>The ZIP file is damaged</source>
        <translation>El archivo ZIP está dañado</translation>
    </message>
    <message>
        <source>Copy it again from its source, or unpack it and open the folder.</source>
        <translation>Vuelva a copiarlo desde su origen, o descomprímalo y abra la carpeta.</translation>
    </message>
    <message>
        <source>The ZIP file is too large to open</source>
        <translation>El archivo ZIP es demasiado grande para abrirlo</translation>
    </message>
    <message>
        <source>The ZIP file is encrypted</source>
        <translation>El archivo ZIP está cifrado</translation>
    </message>
    <message>
        <source>Unpack it with its password, then open the folder that comes of it.</source>
        <translation>Descomprímalo con su contraseña y abra después la carpeta resultante.</translation>
    </message>
    <message>
        <source>Compression of the ZIP file is not supported</source>
        <translation>La compresión del archivo ZIP no se admite</translation>
    </message>
    <message>
        <source>The ZIP file points outside itself</source>
        <translation>El archivo ZIP señala fuera de sí mismo</translation>
    </message>
    <message>
        <source>Unpack it, and look at what comes of it before you open it.</source>
        <translation>Descomprímalo y examine el resultado antes de abrirlo.</translation>
    </message>
    <message>
        <source>The DICOMDIR is damaged</source>
        <translation>El DICOMDIR está dañado</translation>
    </message>
    <message>
        <source>A file is a link out of the folder; what it leads to is shown.</source>
        <translation>Un archivo es un enlace fuera de la carpeta; se muestra aquello a lo que conduce.</translation>
    </message>
    <message>
        <source>Stopped: not all folders were searched.</source>
        <translation>Detenido: no se buscó en todas las carpetas.</translation>
    </message>
    <message>
        <source>The transfer syntax says uncompressed, but the pixels are compressed.</source>
        <translation>La sintaxis de transferencia dice sin comprimir, pero los píxeles están comprimidos.</translation>
    </message>
    <message>
        <source>The transfer syntax says compressed, but the pixels are not.</source>
        <translation>La sintaxis de transferencia dice comprimido, pero los píxeles no lo están.</translation>
    </message>
    <message>
        <source>The compressed pixels do not lie in items, as they should.</source>
        <translation>Los píxeles comprimidos no están en elementos (items), como deberían.</translation>
    </message>
    <message>
        <source>The transfer syntax is GE&apos;s own: not compressed, and read as such.</source>
        <translation>La sintaxis de transferencia es propia de GE: sin comprimir, y así se lee.</translation>
    </message>
    <message>
        <source>The last pixel is missing in the file: its neighbour stands in for it.</source>
        <translation>Falta el último píxel en el archivo: lo sustituye su vecino.</translation>
    </message>
    <message>
        <source>Bytes that belong to nothing follow the pixels: compare it with its source.</source>
        <translation>Tras los píxeles hay bytes que no pertenecen a nada: compárela con su origen.</translation>
    </message>
    <message>
        <source>The end marker of the compressed image is missing; its pixels are complete.</source>
        <translation>Falta la marca final de la imagen comprimida; sus píxeles están completos.</translation>
    </message>
    <message>
        <source>The file is not deflated, though it says so: shown as it is.</source>
        <translation>El archivo no está comprimido (deflate), aunque lo diga: se muestra tal cual.</translation>
    </message>
    <message>
        <source>An overlay of marks or words belongs to this image and is not shown.</source>
        <translation>A esta imagen pertenece una superposición de marcas o palabras que no se muestra.</translation>
    </message>
    <message>
        <source>Graphics belong to this image and are not shown.</source>
        <translation>A esta imagen pertenecen gráficos que no se muestran.</translation>
    </message>
    <message>
        <source>A shutter belongs to this image and is not applied.</source>
        <translation>A esta imagen pertenece un obturador que no se aplica.</translation>
    </message>
    <message>
        <source>A grey-value table (VOI LUT) fills less than half of its range: dark.</source>
        <translation>Una tabla de grises (VOI LUT) ocupa menos de la mitad de su rango: oscura.</translation>
    </message>
    <message>
        <source>VOI LUT fills half of its range</source>
        <translation>la VOI LUT ocupa la mitad de su rango</translation>
    </message>
    <message>
        <source>Turned as the file&apos;s Orientation says.</source>
        <translation>Girada como indica la orientación (Orientation) del archivo.</translation>
    </message>
    <message>
        <source>largest</source>
        <translation>mayor</translation>
    </message>
    <message>
        <source>first</source>
        <translation>primera</translation>
    </message>
    <message>
        <source>The {which} of several pages is shown.</source>
        <translation>Se muestra la {which} de varias páginas.</translation>
    </message>
    <message>
        <source>It claims {count} MiB of pixels, more than {most}; export it in greyscale.</source>
        <translation>Declara {count} MiB de píxeles, más de {most}; expórtela en escala de grises.</translation>
    </message>
    <message>
        <source>The compressed image holds {bits} bits without sign, the header says {stated} with one: read as two&apos;s complement.</source>
        <translation>La imagen comprimida contiene {bits} bits sin signo, la cabecera dice {stated} con signo: se lee como complemento a dos.</translation>
    </message>
    <message>
        <source>The file is deflated with a header of {kind}, which is not allowed.</source>
        <translation>El archivo está comprimido (deflate) con una cabecera de {kind}, lo que no está permitido.</translation>
    </message>
    <message>
        <source>Of the files that the DICOMDIR lists {count} are missing; the first {named} are named.</source>
        <translation>De los archivos que enumera el DICOMDIR faltan {count}; se nombran los primeros {named}.</translation>
    </message>
    <message>
        <source>DICOM files beside those that the DICOMDIR lists were not opened: {count}. Open the folder itself.</source>
        <translation>No se abrieron archivos DICOM que están junto a los que figuran en el DICOMDIR: {count}. Abra la carpeta.</translation>
    </message>
    <message>
        <source>{count} files are links out of the folder; what they lead to is shown.</source>
        <translation>{count} archivos son enlaces fuera de la carpeta; se muestra aquello a lo que conducen.</translation>
    </message>
    <message>
        <source>All views count alike, not the worst alone.</source>
        <translation>Cuentan todas por igual, no solo la peor.</translation>
    </message>
    <message>
        <source>Breasts</source>
        <comment>of a woman</comment>
        <translation>Mamas</translation>
    </message>
    <message>
        <source>Categories</source>
        <translation>Categorías</translation>
    </message>
    <message>
        <source>More</source>
        <translation>Más</translation>
    </message>
    <message>
        <source>Networks</source>
        <translation>Redes</translation>
    </message>
    <message>
        <source>Notes</source>
        <translation>Notas</translation>
    </message>
    <message>
        <source>Pages of what the model says</source>
        <translation>Páginas de lo que dice el modelo</translation>
    </message>
    <message>
        <source>Reasons</source>
        <translation>Motivos</translation>
    </message>
    <message>
        <source>Views</source>
        <comment>of a breast</comment>
        <translation>Proyecc.</translation>
    </message>
    <message>
        <source>What the model says</source>
        <translation>Lo que dice el modelo</translation>
    </message>
    <message>
        <source>from its {count} views together</source>
        <translation>de sus {count} proyecciones</translation>
    </message>
    <message>
        <source>from {views}</source>
        <translation>de {views}</translation>
    </message>
    <message>
        <source>from {view} alone</source>
        <translation>solo de {view}</translation>
    </message>
    <message>
        <source>from {view} and {other_view}</source>
        <translation>de {view} y {other_view}</translation>
    </message>
    <message>
        <source>P(4–5) {percent}</source>
        <translation>P(4–5) {percent}</translation>
    </message>
    <message>
        <source>{first} and {second}</source>
        <translation>{first} y {second}</translation>
    </message>
    <message>
        <source>&amp;Manual</source>
        <translation>&amp;Manual</translation>
    </message>
    <message>
        <source>Manual</source>
        <translation>Manual</translation>
    </message>
    <message>
        <source>Contents</source>
        <translation>Contenido</translation>
    </message>
    <message>
        <source>Back</source>
        <translation>Atrás</translation>
    </message>
    <message>
        <source>The manual is not installed</source>
        <translation>El manual no está instalado</translation>
    </message>
    <message>
        <source>It comes with the program&apos;s bundle and with its source.</source>
        <translation>Viene con el paquete del programa y con su código fuente.</translation>
    </message>
    <message>
        <source>No other study of the worklist is left to be read</source>
        <translation>No queda ningún otro estudio de la lista por leer</translation>
    </message>
    <message>
        <source>priors that were not read: {count}</source>
        <translation>previos que no se leyeron: {count}</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>Ajustes</translation>
    </message>
    <message>
        <source>Looks</source>
        <translation>Aspecto</translation>
    </message>
    <message>
        <source>Words in the toolbar</source>
        <translation>Palabras en la barra</translation>
    </message>
    <message>
        <source>Size of text</source>
        <translation>Tamaño del texto</translation>
    </message>
    <message>
        <source>From the next start on; text is never smaller than the system&apos;s own, and grows with it.</source>
        <translation>Desde el próximo inicio; el texto nunca es menor que el del sistema y crece con él.</translation>
    </message>
    <message>
        <source>Mouse on images</source>
        <translation>Ratón sobre las imágenes</translation>
    </message>
    <message>
        <source>your own</source>
        <translation>propio</translation>
    </message>
    <message>
        <source>As in</source>
        <translation>Como en</translation>
    </message>
    <message>
        <source>Drag, left button</source>
        <translation>Arrastrar, botón izquierdo</translation>
    </message>
    <message>
        <source>Drag, middle button</source>
        <translation>Arrastrar, botón central</translation>
    </message>
    <message>
        <source>Drag, right button</source>
        <translation>Arrastrar, botón derecho</translation>
    </message>
    <message>
        <source>Wheel</source>
        <translation>Rueda</translation>
    </message>
    <message>
        <source>A click with the right button opens a menu. With Ctrl the wheel does the other; Space and a drag move the image.</source>
        <translation>Un clic con el botón derecho abre un menú. Con Ctrl la rueda hace lo otro; Espacio y arrastrar mueven la imagen.</translation>
    </message>
    <message>
        <source>Tools</source>
        <translation>Herramientas</translation>
    </message>
    <message>
        <source>Turn the view</source>
        <translation>Girar la proyección</translation>
    </message>
    <message>
        <source>Menu of {view}</source>
        <translation>Menú de {view}</translation>
    </message>
    <message>
        <source>Actual pixels (1:1) here</source>
        <translation>Píxeles reales (1:1) aquí</translation>
    </message>
    <message>
        <source>Ask about this spot</source>
        <translation>Preguntar por este punto</translation>
    </message>
    <message>
        <source>Window</source>
        <comment>of grey values</comment>
        <translation>Ventana</translation>
    </message>
    <message>
        <source>&amp;Window and mouse …</source>
        <translation>&amp;Ventana y ratón …</translation>
    </message>
    <message>
        <source>beside the icons, where there is room</source>
        <translation>junto a los iconos, si hay sitio</translation>
    </message>
    <message>
        <source>below the icons, where there is room</source>
        <translation>bajo los iconos, si hay sitio</translation>
    </message>
    <message>
        <source>nowhere: icons alone</source>
        <translation>en ninguna parte: solo iconos</translation>
    </message>
    <message>
        <source>More tools</source>
        <translation>Más herramientas</translation>
    </message>
    <message>
        <source>Tools that have no room in the toolbar</source>
        <translation>Herramientas que no caben en la barra</translation>
    </message>
    <message>
        <source>&amp;Watch a folder …</source>
        <translation>&amp;Vigilar una carpeta …</translation>
    </message>
    <message>
        <source>New studies come into the worklist once they are complete.</source>
        <translation>Los estudios nuevos entran en la lista cuando están completos.</translation>
    </message>
    <message>
        <source>Watch a folder</source>
        <translation>Vigilar una carpeta</translation>
    </message>
    <message>
        <source>It is looked for again and again; check its drive or network.</source>
        <translation>Se busca una y otra vez; compruebe su unidad o la red.</translation>
    </message>
    <message>
        <source>The watched folder cannot be read</source>
        <translation>No se puede leer la carpeta vigilada</translation>
    </message>
    <message>
        <source>Watching {folder}</source>
        <translation>Vigilando {folder}</translation>
    </message>
    <message>
        <source>incoming: {count}</source>
        <translation>llegando: {count}</translation>
    </message>
    <message>
        <source>{command} (locked)</source>
        <translation>{command} (bloqueado)</translation>
    </message>
    <message>
        <source>Report a problem</source>
        <translation>Informar de un problema</translation>
    </message>
    <message>
        <source>&amp;Report a problem …</source>
        <translation>In&amp;formar de un problema …</translation>
    </message>
    <message>
        <source>Save the report</source>
        <translation>Guardar el informe</translation>
    </message>
    <message>
        <source>Parts of the report</source>
        <translation>Partes del informe</translation>
    </message>
    <message>
        <source>Text of this part</source>
        <translation>Texto de esta parte</translation>
    </message>
    <message>
        <source>What happened? What did you do just before?</source>
        <translation>¿Qué ocurrió? ¿Qué hizo justo antes?</translation>
    </message>
    <message>
        <source>The self-test is running …</source>
        <translation>La autocomprobación está en marcha …</translation>
    </message>
    <message>
        <source>All of this goes into one file, which you save and send yourself. It holds no patients, no names and no folders; look through it all the same, and write below what happened, without a patient&apos;s name.</source>
        <translation>Todo esto va en un solo archivo, que usted mismo guarda y envía. No contiene pacientes, nombres ni carpetas; revíselo de todos modos y escriba abajo qué ocurrió, sin el nombre de ningún paciente.</translation>
    </message>
    <message>
        <source>Not allowed by this site</source>
        <translation>No permitido por este centro</translation>
    </message>
    <message>
        <source>What is given out goes to {folder}. {reason}</source>
        <translation>Lo que se entrega va a {folder}. {reason}</translation>
    </message>
    <message>
        <source>Set by this site: {why}</source>
        <translation>Fijado por este centro: {why}</translation>
    </message>
    <message>
        <source>Set by this site.</source>
        <translation>Fijado por este centro.</translation>
    </message>
    <message>
        <source>none</source>
        <translation>ninguno</translation>
    </message>
    <message>
        <source>Unknown node</source>
        <translation>Nodo desconocido</translation>
    </message>
    <message>
        <source>“{name}” is not configured; known: {known}.</source>
        <translation>«{name}» no está configurado; conocidos: {known}.</translation>
    </message>
    <message>
        <source>the file is too long</source>
        <translation>el archivo es demasiado largo</translation>
    </message>
    <message>
        <source>Site configuration cannot be read</source>
        <translation>No se puede leer la configuración del centro</translation>
    </message>
    <message>
        <source>Site configuration is not valid</source>
        <translation>La configuración del centro no es válida</translation>
    </message>
    <message>
        <source>{path}: {why}. Nothing was opened.</source>
        <translation>{path}: {why}. No se abrió nada.</translation>
    </message>
    <message>
        <source>Site configuration is not safe</source>
        <translation>La configuración no es segura</translation>
    </message>
    <message>
        <source>{path} belongs to or may be written by others: take that from them (chmod 600).</source>
        <translation>{path} pertenece a otros o pueden escribirlo: quíteselo (chmod 600).</translation>
    </message>
    <message>
        <source>a value would not read back</source>
        <translation>un valor no se leería igual</translation>
    </message>
    <message>
        <source>{reason}.</source>
        <translation>{reason}.</translation>
    </message>
    <message>
        <source>Site configuration cannot be written</source>
        <translation>No se puede escribir la configuración</translation>
    </message>
    <message>
        <source>{path}: {reason}.</source>
        <translation>{path}: {reason}.</translation>
    </message>
    <message>
        <source>{where} is no table</source>
        <translation>{where} no es una tabla</translation>
    </message>
    <message>
        <source>{where} lacks {key}</source>
        <translation>a {where} le falta {key}</translation>
    </message>
    <message>
        <source>{where}: {key} is no {kind}</source>
        <translation>{where}: {key} no es {kind}</translation>
    </message>
    <message>
        <source>{where}: {key} must be a whole path, from the root on</source>
        <translation>{where}: {key} debe ser una ruta completa, desde la raíz</translation>
    </message>
    <message>
        <source>{key} holds no tables</source>
        <translation>{key} no contiene tablas</translation>
    </message>
    <message>
        <source>{where}: unknown {names}</source>
        <translation>{where}: desconocido: {names}</translation>
    </message>
    <message>
        <source>{where}: its name is empty, too long or cannot be shown</source>
        <translation>{where}: su nombre está vacío, es demasiado largo o no puede mostrarse</translation>
    </message>
    <message>
        <source>{where} has neither host nor web</source>
        <translation>{where} no tiene ni host ni web</translation>
    </message>
    <message>
        <source>{where}: timeout_s must lie in 1 … 3600</source>
        <translation>{where}: timeout_s debe estar en 1 … 3600</translation>
    </message>
    <message>
        <source>{where}: retrieve must be &quot;get&quot; or &quot;move&quot;</source>
        <translation>{where}: retrieve debe ser &quot;get&quot; o &quot;move&quot;</translation>
    </message>
    <message>
        <source>{where}: url must begin with https://</source>
        <translation>{where}: url debe empezar por https://</translation>
    </message>
    <message>
        <source>{where}: https goes with security = &quot;tls&quot;, http with &quot;plain&quot;</source>
        <translation>{where}: https va con security = &quot;tls&quot;, http con &quot;plain&quot;</translation>
    </message>
    <message>
        <source>{where}: address must be that of one interface, e.g. 127.0.0.1: not all of them</source>
        <translation>{where}: address debe ser la de una interfaz, p. ej. 127.0.0.1: no de todas</translation>
    </message>
    <message>
        <source>{where}: callers names nobody who may store</source>
        <translation>{where}: callers no nombra a nadie que pueda guardar</translation>
    </message>
    <message>
        <source>{where}: largest_mb must lie in 1 … 4096</source>
        <translation>{where}: largest_mb debe estar en 1 … 4096</translation>
    </message>
    <message>
        <source>{where}: a receiver with TLS needs certificate and key</source>
        <translation>{where}: un receptor con TLS necesita certificate y key</translation>
    </message>
    <message>
        <source>{where}: audit messages go over security = &quot;tls&quot; alone</source>
        <translation>{where}: los mensajes de auditoría van solo por security = &quot;tls&quot;</translation>
    </message>
    <message>
        <source>{where}: model must be one of {names}</source>
        <translation>{where}: model debe ser uno de {names}</translation>
    </message>
    <message>
        <source>{where}: language must be one of {names}</source>
        <translation>{where}: language debe ser uno de {names}</translation>
    </message>
    <message>
        <source>{where}: {key}: “{word}” is none of {known}</source>
        <translation>{where}: {key}: «{word}» no es ninguno de {known}</translation>
    </message>
    <message>
        <source>{where}: {key} is too long or cannot be shown</source>
        <translation>{where}: {key} es demasiado largo o no puede mostrarse</translation>
    </message>
    <message>
        <source>{where}: security must be &quot;tls&quot; or &quot;plain&quot;</source>
        <translation>{where}: security debe ser &quot;tls&quot; o &quot;plain&quot;</translation>
    </message>
    <message>
        <source>{where}: TLS needs ca, the file of who signs its certificates; or security = &quot;plain&quot;, in the clear</source>
        <translation>{where}: TLS necesita ca, el archivo de quien firma sus certificados; o security = &quot;plain&quot;, sin cifrar</translation>
    </message>
    <message>
        <source>{where}: certificate and key belong together</source>
        <translation>{where}: certificate y key van juntos</translation>
    </message>
    <message>
        <source>{where}: host is no name or address</source>
        <translation>{where}: host no es un nombre ni una dirección</translation>
    </message>
    <message>
        <source>{where}: port must lie in 1 … 65535</source>
        <translation>{where}: port debe estar en 1 … 65535</translation>
    </message>
    <message>
        <source>{where}: “{title}” is no AE title (1 to 16 letters)</source>
        <translation>{where}: «{title}» no es un AE title (1 a 16 letras)</translation>
    </message>
    <message>
        <source>This bundle comes without them: open a folder of your own.</source>
        <translation>Este paquete no los trae: abra una carpeta suya.</translation>
    </message>
    <message>
        <source>Audit log cannot be written</source>
        <translation>No se puede escribir el registro de auditoría</translation>
    </message>
    <message>
        <source>Check that {folder} may be written to and has room.</source>
        <translation>Compruebe que se puede escribir en {folder} y que hay sitio.</translation>
    </message>
    <message>
        <source>Not a document</source>
        <translation>No es un documento</translation>
    </message>
    <message>
        <source>It is none of those that are read.</source>
        <translation>No es ninguno de los que se leen.</translation>
    </message>
    <message>
        <source>The document is too large</source>
        <translation>El documento es demasiado grande</translation>
    </message>
    <message>
        <source>Check where it comes from.</source>
        <translation>Compruebe de dónde viene.</translation>
    </message>
    <message>
        <source>A segmentation of another size than its image is not shown.</source>
        <translation>No se muestra una segmentación de otro tamaño que su imagen.</translation>
    </message>
    <message>
        <source>A mark outside its image is not shown.</source>
        <translation>No se muestra una marca fuera de su imagen.</translation>
    </message>
    <message>
        <source>No PDF inside</source>
        <translation>No hay ningún PDF dentro</translation>
    </message>
    <message>
        <source>The document is empty or something else.</source>
        <translation>El documento está vacío o es otra cosa.</translation>
    </message>
    <message>
        <source>The PDF is too large</source>
        <translation>El PDF es demasiado grande</translation>
    </message>
    <message>
        <source>Open it on a workstation of the PACS.</source>
        <translation>Ábralo en una estación del PACS.</translation>
    </message>
    <message>
        <source>Compound graphics are not shown.</source>
        <translation>No se muestran los gráficos compuestos.</translation>
    </message>
    <message>
        <source>Of its marks the first {most} are shown.</source>
        <translation>De sus marcas se muestran las primeras {most}.</translation>
    </message>
    <message>
        <source>A rotation by {degrees} degrees was left out.</source>
        <translation>Se omitió una rotación de {degrees} grados.</translation>
    </message>
    <message>
        <source>A VOI LUT was left out: {reason}.</source>
        <translation>Se omitió una VOI LUT: {reason}.</translation>
    </message>
    <message>
        <source>A shutter was left out.</source>
        <translation>Se omitió un obturador.</translation>
    </message>
    <message>
        <source>A drawing was left out.</source>
        <translation>Se omitió un dibujo.</translation>
    </message>
    <message>
        <source>A text was left out.</source>
        <translation>Se omitió un texto.</translation>
    </message>
    <message>
        <source>The segmentation has no pixels</source>
        <translation>La segmentación no tiene píxeles</translation>
    </message>
    <message>
        <source>Ask for it to be written anew.</source>
        <translation>Pida que se escriba de nuevo.</translation>
    </message>
    <message>
        <source>Of its {count} frames the first {most} are shown.</source>
        <translation>De sus {count} cuadros se muestran los primeros {most}.</translation>
    </message>
    <message>
        <source>A segment does not say of which image it is.</source>
        <translation>Un segmento no dice de qué imagen es.</translation>
    </message>
    <message>
        <source>Of its outlines the first {most} are shown.</source>
        <translation>De sus contornos se muestran los primeros {most}.</translation>
    </message>
    <message>
        <source>The segmentation cannot be decoded</source>
        <translation>No se puede descodificar la segmentación</translation>
    </message>
    <message>
        <source>Its pixels are damaged, or compressed in a way that is not read.</source>
        <translation>Sus píxeles están dañados, o comprimidos de un modo que no se lee.</translation>
    </message>
    <message>
        <source>Its smallest pieces are not shown.</source>
        <translation>No se muestran sus piezas más pequeñas.</translation>
    </message>
    <message>
        <source>The report is too deep or too long to be read whole.</source>
        <translation>El informe es demasiado profundo o largo para leerlo entero.</translation>
    </message>
    <message>
        <source>A mark could not be read.</source>
        <translation>No se pudo leer una marca.</translation>
    </message>
    <message>
        <source>List of documents cannot be used</source>
        <translation>No se puede usar la lista de documentos</translation>
    </message>
    <message>
        <source>Check that {name} beside the readings may be written to and has room.</source>
        <translation>Compruebe que se puede escribir en {name}, junto a las lecturas, y que hay sitio.</translation>
    </message>
    <message>
        <source>Result not made</source>
        <translation>Resultado no creado</translation>
    </message>
    <message>
        <source>This is a bug of the program: report it.</source>
        <translation>Es un fallo del programa: comuníquelo.</translation>
    </message>
    <message>
        <source>Result not written</source>
        <translation>Resultado no escrito</translation>
    </message>
    <message>
        <source>{reason}: free some space in {folder}, or choose another folder.</source>
        <translation>{reason}: libere espacio en {folder}, o elija otra carpeta.</translation>
    </message>
    <message>
        <source>A colour image</source>
        <translation>Una imagen en color</translation>
    </message>
    <message>
        <source>Only grey images have a grayscale presentation state.</source>
        <translation>Solo las imágenes grises tienen un estado de presentación en grises.</translation>
    </message>
    <message>
        <source>Identity is guessed</source>
        <translation>La identidad se ha supuesto</translation>
    </message>
    <message>
        <source>That these views belong to one patient is guessed from names: results are written for a DICOM study alone.</source>
        <translation>Que estas proyecciones son de una paciente se supone por los nombres: solo se escriben resultados de un estudio DICOM.</translation>
    </message>
    <message>
        <source>No DICOM study</source>
        <translation>No es un estudio DICOM</translation>
    </message>
    <message>
        <source>The images say by no tag, or not by one of their own, which study they belong to.</source>
        <translation>Las imágenes no dicen en ninguna etiqueta propia a qué estudio pertenecen.</translation>
    </message>
    <message>
        <source>Patient is not certain</source>
        <translation>La paciente no es segura</translation>
    </message>
    <message>
        <source>Patient ID, its issuer or the birth date are missing or contradict each other.</source>
        <translation>El ID de la paciente, su emisor o la fecha de nacimiento faltan o se contradicen.</translation>
    </message>
    <message>
        <source>Side is not certain</source>
        <translation>El lado no es seguro</translation>
    </message>
    <message>
        <source>The side of a view is guessed from a name, or its tags contradict each other on it.</source>
        <translation>El lado de una proyección se supone por un nombre, o sus etiquetas se contradicen.</translation>
    </message>
    <message>
        <source>Image is not certain</source>
        <translation>La imagen no es segura</translation>
    </message>
    <message>
        <source>An image has no identifier of its own, or another image carries the same one.</source>
        <translation>Una imagen no tiene identificador propio, u otra lleva el mismo.</translation>
    </message>
    <message>
        <source>Identity differs</source>
        <translation>La identidad difiere</translation>
    </message>
    <message>
        <source>A view&apos;s own tags name another patient or study than the list.</source>
        <translation>Las etiquetas de una proyección nombran otra paciente u otro estudio que la lista.</translation>
    </message>
    <message>
        <source>A view&apos;s class, series or identifier is missing or not valid.</source>
        <translation>Falta o no es válida la clase, la serie o el identificador de una proyección.</translation>
    </message>
    <message>
        <source>Not a DICOM node</source>
        <translation>No es un nodo DICOM</translation>
    </message>
    <message>
        <source>{node} is configured for DICOMweb alone.</source>
        <translation>{node} está configurado solo para DICOMweb.</translation>
    </message>
    <message>
        <source>Keys cannot be used</source>
        <translation>No se pueden usar las claves</translation>
    </message>
    <message>
        <source>Certificate, key or authority of the configuration: {reason}.</source>
        <translation>Certificado, clave o autoridad de la configuración: {reason}.</translation>
    </message>
    <message>
        <source>Node refuses the test</source>
        <translation>El nodo rechaza la prueba</translation>
    </message>
    <message>
        <source>{node} answers with status {status}.</source>
        <translation>{node} responde con el estado {status}.</translation>
    </message>
    <message>
        <source>Connection lost</source>
        <translation>Conexión perdida</translation>
    </message>
    <message>
        <source>{node} broke it off or does not answer: try again.</source>
        <translation>{node} la cortó o no responde: inténtelo de nuevo.</translation>
    </message>
    <message>
        <source>it does not know our AE title “{own}”: enter it there</source>
        <translation>no conoce nuestro AE title «{own}»: introdúzcalo allí</translation>
    </message>
    <message>
        <source>it is not called “{theirs}”: ask for its AE title</source>
        <translation>no se llama «{theirs}»: pregunte por su AE title</translation>
    </message>
    <message>
        <source>it does not speak this kind of DICOM</source>
        <translation>no habla este tipo de DICOM</translation>
    </message>
    <message>
        <source>it is busy: try again later</source>
        <translation>está ocupado: inténtelo más tarde</translation>
    </message>
    <message>
        <source>it has no room for another association: try again later</source>
        <translation>no tiene sitio para otra asociación: inténtelo más tarde</translation>
    </message>
    <message>
        <source>it gives no reason that is known</source>
        <translation>no da ninguna razón conocida</translation>
    </message>
    <message>
        <source>Association rejected</source>
        <translation>Asociación rechazada</translation>
    </message>
    <message>
        <source>{node}: {words}.</source>
        <translation>{node}: {words}.</translation>
    </message>
    <message>
        <source>Service is not offered</source>
        <translation>No ofrece el servicio</translation>
    </message>
    <message>
        <source>{node} accepts none of what was asked of it.</source>
        <translation>{node} no acepta nada de lo que se le pidió.</translation>
    </message>
    <message>
        <source>Association failed</source>
        <translation>La asociación falló</translation>
    </message>
    <message>
        <source>{node} takes the connection and says nothing a DICOM node would: check its port and whether it wants TLS.</source>
        <translation>{node} acepta la conexión y no dice nada propio de un nodo DICOM: compruebe su puerto y si quiere TLS.</translation>
    </message>
    <message>
        <source>{node} takes the connection and says nothing a DICOM node would: check its port.</source>
        <translation>{node} acepta la conexión y no dice nada propio de un nodo DICOM: compruebe su puerto.</translation>
    </message>
    <message>
        <source>Node is not trusted</source>
        <translation>El nodo no es de confianza</translation>
    </message>
    <message>
        <source>The certificate of {place} is not good: {reason}.</source>
        <translation>El certificado de {place} no vale: {reason}.</translation>
    </message>
    <message>
        <source>it wants a certificate of ours that its authority has signed</source>
        <translation>quiere un certificado nuestro firmado por su autoridad</translation>
    </message>
    <message>
        <source>it does not speak TLS on this port</source>
        <translation>no habla TLS en este puerto</translation>
    </message>
    <message>
        <source>the handshake was broken off</source>
        <translation>se cortó el saludo inicial</translation>
    </message>
    <message>
        <source>TLS refused</source>
        <translation>TLS rechazado</translation>
    </message>
    <message>
        <source>{place}: {words}.</source>
        <translation>{place}: {words}.</translation>
    </message>
    <message>
        <source>Unknown host</source>
        <translation>Equipo desconocido</translation>
    </message>
    <message>
        <source>No machine is called “{host}” here.</source>
        <translation>Ningún equipo se llama aquí «{host}».</translation>
    </message>
    <message>
        <source>No answer</source>
        <translation>Sin respuesta</translation>
    </message>
    <message>
        <source>{place} does not answer: check address and firewall.</source>
        <translation>{place} no responde: compruebe la dirección y el cortafuegos.</translation>
    </message>
    <message>
        <source>Connection refused</source>
        <translation>Conexión rechazada</translation>
    </message>
    <message>
        <source>Nothing listens on {place}: check the port.</source>
        <translation>Nadie escucha en {place}: compruebe el puerto.</translation>
    </message>
    <message>
        <source>Node cannot be reached</source>
        <translation>No se llega al nodo</translation>
    </message>
    <message>
        <source>{place}: {reason}.</source>
        <translation>{place}: {reason}.</translation>
    </message>
    <message>
        <source>Study not found</source>
        <translation>Estudio no encontrado</translation>
    </message>
    <message>
        <source>{node} has no objects of this study.</source>
        <translation>{node} no tiene objetos de este estudio.</translation>
    </message>
    <message>
        <source>Another study was sent</source>
        <translation>Se envió otro estudio</translation>
    </message>
    <message>
        <source>It was not asked for, and not kept.</source>
        <translation>No se había pedido, y no se guardó.</translation>
    </message>
    <message>
        <source>it could not store it (reason {reason})</source>
        <translation>no pudo guardarlo (razón {reason})</translation>
    </message>
    <message>
        <source>it does not say that it stored it</source>
        <translation>no dice que lo haya guardado</translation>
    </message>
    <message>
        <source>Not a DICOMweb node</source>
        <translation>No es un nodo DICOMweb</translation>
    </message>
    <message>
        <source>{node} is configured for DICOM alone.</source>
        <translation>{node} está configurado solo para DICOM.</translation>
    </message>
    <message>
        <source>Node refuses</source>
        <translation>El nodo rechaza</translation>
    </message>
    <message>
        <source>{node}: its certificate is not trusted, or it wants another of ours.</source>
        <translation>{node}: su certificado no es de confianza, o quiere otro nuestro.</translation>
    </message>
    <message>
        <source>{node} does not answer in time.</source>
        <translation>{node} no responde a tiempo.</translation>
    </message>
    <message>
        <source>{node} cannot be reached.</source>
        <translation>No se llega a {node}.</translation>
    </message>
    <message>
        <source>Answer is not DICOMweb</source>
        <translation>La respuesta no es DICOMweb</translation>
    </message>
    <message>
        <source>{node} answers as no DICOMweb service does.</source>
        <translation>{node} responde como ningún servicio DICOMweb.</translation>
    </message>
    <message>
        <source>it does not allow us to ({code})</source>
        <translation>no nos lo permite ({code})</translation>
    </message>
    <message>
        <source>nothing is there ({code}): check the url</source>
        <translation>allí no hay nada ({code}): compruebe la url</translation>
    </message>
    <message>
        <source>it gives no status</source>
        <translation>no da ningún estado</translation>
    </message>
    <message>
        <source>it answers with status {code}</source>
        <translation>responde con el estado {code}</translation>
    </message>
    <message>
        <source>Too many answers</source>
        <translation>Demasiadas respuestas</translation>
    </message>
    <message>
        <source>{node} has more than {most}: ask more narrowly.</source>
        <translation>{node} tiene más de {most}: pregunte con más detalle.</translation>
    </message>
    <message>
        <source>Query failed</source>
        <translation>La consulta falló</translation>
    </message>
    <message>
        <source>it has no room for the answer</source>
        <translation>no tiene sitio para la respuesta</translation>
    </message>
    <message>
        <source>it does not take this kind of question</source>
        <translation>no acepta este tipo de pregunta</translation>
    </message>
    <message>
        <source>it has cancelled</source>
        <translation>ha cancelado</translation>
    </message>
    <message>
        <source>it does not answer this kind of question</source>
        <translation>no responde a este tipo de pregunta</translation>
    </message>
    <message>
        <source>it cannot</source>
        <translation>no puede</translation>
    </message>
    <message>
        <source>{node}: {words} (status {status}).</source>
        <translation>{node}: {words} (estado {status}).</translation>
    </message>
    <message>
        <source>Kind of object not taken</source>
        <translation>Tipo de objeto no aceptado</translation>
    </message>
    <message>
        <source>Its SOP class is none of those that are read.</source>
        <translation>Su clase SOP no es ninguna de las que se leen.</translation>
    </message>
    <message>
        <source>Identifier is not valid</source>
        <translation>El identificador no es válido</translation>
    </message>
    <message>
        <source>Ask the sender to correct it.</source>
        <translation>Pida al remitente que lo corrija.</translation>
    </message>
    <message>
        <source>Object is too large</source>
        <translation>El objeto es demasiado grande</translation>
    </message>
    <message>
        <source>More than {largest} MiB.</source>
        <translation>Más de {largest} MiB.</translation>
    </message>
    <message>
        <source>Received object not kept</source>
        <translation>Objeto recibido no guardado</translation>
    </message>
    <message>
        <source>{reason}: make room on the disk.</source>
        <translation>{reason}: haga sitio en el disco.</translation>
    </message>
    <message>
        <source>Received object is damaged</source>
        <translation>El objeto recibido está dañado</translation>
    </message>
    <message>
        <source>Ask the sender to send it again.</source>
        <translation>Pida al remitente que lo envíe de nuevo.</translation>
    </message>
    <message>
        <source>Received object is another one</source>
        <translation>El objeto recibido es otro</translation>
    </message>
    <message>
        <source>It is not what the sender announced.</source>
        <translation>No es lo que anunció el remitente.</translation>
    </message>
    <message>
        <source>Received object has no study</source>
        <translation>El objeto recibido no tiene estudio</translation>
    </message>
    <message>
        <source>Its Study Instance UID is missing or not valid.</source>
        <translation>Falta su Study Instance UID o no es válido.</translation>
    </message>
    <message>
        <source>Identifier used twice</source>
        <translation>Identificador usado dos veces</translation>
    </message>
    <message>
        <source>Another object came under the same SOP Instance UID; the first was kept.</source>
        <translation>Llegó otro objeto con el mismo SOP Instance UID; se conservó el primero.</translation>
    </message>
    <message>
        <source>taken, not confirmed</source>
        <translation>aceptado, no confirmado</translation>
    </message>
    <message>
        <source>Another object waits under its identifier</source>
        <translation>Otro objeto espera con su identificador</translation>
    </message>
    <message>
        <source>An identifier is for one object: write the result anew, then send it.</source>
        <translation>Un identificador es para un objeto: escriba el resultado de nuevo y envíelo.</translation>
    </message>
    <message>
        <source>the node took it and does not keep it</source>
        <translation>el nodo lo aceptó y no lo conserva</translation>
    </message>
    <message>
        <source>Outbox cannot be used</source>
        <translation>No se puede usar la bandeja de salida</translation>
    </message>
    <message>
        <source>It is longer than a gigabyte.</source>
        <translation>Ocupa más de un gigabyte.</translation>
    </message>
    <message>
        <source>Not an object that can be sent</source>
        <translation>No es un objeto que pueda enviarse</translation>
    </message>
    <message>
        <source>It says not what it is, or of which study.</source>
        <translation>No dice qué es, o de qué estudio.</translation>
    </message>
    <message>
        <source>Nothing receives here</source>
        <translation>Aquí nada recibe</translation>
    </message>
    <message>
        <source>{node} sends by C-MOVE, to a receiver on this PC: set one up under DICOM nodes, or choose C-GET for the node.</source>
        <translation>{node} envía por C-MOVE, a un receptor en este PC: configúrelo en los nodos DICOM, o elija C-GET para el nodo.</translation>
    </message>
    <message>
        <source>Not stored</source>
        <translation>No guardado</translation>
    </message>
    <message>
        <source>Receiving is off</source>
        <translation>La recepción está desactivada</translation>
    </message>
    <message>
        <source>The site configuration has no [receive].</source>
        <translation>La configuración no tiene [receive].</translation>
    </message>
    <message>
        <source>Cannot listen</source>
        <translation>No se puede escuchar</translation>
    </message>
    <message>
        <source>{address}:{port}: {reason}.</source>
        <translation>{address}:{port}: {reason}.</translation>
    </message>
    <message>
        <source>no such address</source>
        <translation>no existe esa dirección</translation>
    </message>
    <message>
        <source>AE titles do not match.</source>
        <translation>Los AE titles no coinciden.</translation>
    </message>
    <message>
        <source>The handshake failed: {reason}.</source>
        <translation>El saludo inicial falló: {reason}.</translation>
    </message>
    <message>
        <source>Study is not complete</source>
        <translation>El estudio no está completo</translation>
    </message>
    <message>
        <source>{node} sent {here} of {expected} objects.</source>
        <translation>{node} envió {here} de {expected} objetos.</translation>
    </message>
    <message>
        <source>Retrieval failed</source>
        <translation>La recuperación falló</translation>
    </message>
    <message>
        <source>C-GET is not offered</source>
        <translation>No ofrece C-GET</translation>
    </message>
    <message>
        <source>{node} sends only by C-MOVE: choose that for it.</source>
        <translation>{node} solo envía por C-MOVE: elíjalo para él.</translation>
    </message>
    <message>
        <source>it has no room to look for it</source>
        <translation>no tiene sitio para buscarlo</translation>
    </message>
    <message>
        <source>it could not send the objects</source>
        <translation>no pudo enviar los objetos</translation>
    </message>
    <message>
        <source>it does not know where we are: enter our AE title, address and port there</source>
        <translation>no sabe dónde estamos: introduzca allí nuestro AE title, dirección y puerto</translation>
    </message>
    <message>
        <source>it does not take this kind of request</source>
        <translation>no acepta este tipo de petición</translation>
    </message>
    <message>
        <source>it does not offer this</source>
        <translation>no lo ofrece</translation>
    </message>
    <message>
        <source>it does not allow us to</source>
        <translation>no nos lo permite</translation>
    </message>
    <message>
        <source>it cannot process it</source>
        <translation>no puede procesarlo</translation>
    </message>
    <message>
        <source>it has another object under this identifier</source>
        <translation>tiene otro objeto con este identificador</translation>
    </message>
    <message>
        <source>it does not take the identifier</source>
        <translation>no acepta el identificador</translation>
    </message>
    <message>
        <source>it does not take this kind of object</source>
        <translation>no acepta este tipo de objeto</translation>
    </message>
    <message>
        <source>it does not allow us to store</source>
        <translation>no nos permite guardar</translation>
    </message>
    <message>
        <source>it says that the object is not of its kind</source>
        <translation>dice que el objeto no es de su tipo</translation>
    </message>
    <message>
        <source>the queued file cannot be read</source>
        <translation>no se puede leer el archivo en cola</translation>
    </message>
    <message>
        <source>the node does not take this kind of object, or not so compressed</source>
        <translation>el nodo no acepta este tipo de objeto, o no así comprimido</translation>
    </message>
    <message>
        <source>{words} (status {status})</source>
        <translation>{words} (estado {status})</translation>
    </message>
    <message>
        <source>it could not store it</source>
        <translation>no pudo guardarlo</translation>
    </message>
    <message>
        <source>CAD report</source>
        <translation>informe CAD</translation>
    </message>
    <message>
        <source>report</source>
        <translation>informe</translation>
    </message>
    <message>
        <source>presentation state</source>
        <translation>estado de presentación</translation>
    </message>
    <message>
        <source>segmentation</source>
        <translation>segmentación</translation>
    </message>
    <message>
        <source>marked images</source>
        <translation>imágenes marcadas</translation>
    </message>
    <message>
        <source>PDF document</source>
        <translation>documento PDF</translation>
    </message>
    <message>
        <source>maker not named</source>
        <translation>fabricante no indicado</translation>
    </message>
    <message>
        <source>any day</source>
        <translation>cualquier día</translation>
    </message>
    <message>
        <source>today</source>
        <translation>hoy</translation>
    </message>
    <message>
        <source>the last 7 days</source>
        <translation>los últimos 7 días</translation>
    </message>
    <message>
        <source>the last 30 days</source>
        <translation>los últimos 30 días</translation>
    </message>
    <message>
        <source>the last 12 months</source>
        <translation>los últimos 12 meses</translation>
    </message>
    <message>
        <source>Open from PACS</source>
        <translation>Abrir desde el PACS</translation>
    </message>
    <message>
        <source>Node</source>
        <translation>Nodo</translation>
    </message>
    <message>
        <source>Name, or its beginning with *</source>
        <translation>Nombre, o su comienzo con *</translation>
    </message>
    <message>
        <source>Patient&apos;s name</source>
        <translation>Nombre de la paciente</translation>
    </message>
    <message>
        <source>Day of the study</source>
        <translation>Día del estudio</translation>
    </message>
    <message>
        <source>&amp;Find</source>
        <translation>&amp;Buscar</translation>
    </message>
    <message>
        <source>Today&apos;s &amp;worklist</source>
        <translation>&amp;Lista de hoy</translation>
    </message>
    <message>
        <source>Time</source>
        <translation>Hora</translation>
    </message>
    <message>
        <source>Name</source>
        <comment>of a patient</comment>
        <translation>Nombre</translation>
    </message>
    <message>
        <source>Born</source>
        <translation>Nacida</translation>
    </message>
    <message>
        <source>Description</source>
        <translation>Descripción</translation>
    </message>
    <message>
        <source>Images</source>
        <comment>how many</comment>
        <translation>Imágenes</translation>
    </message>
    <message>
        <source>Accession</source>
        <translation>Acceso</translation>
    </message>
    <message>
        <source>Studies found</source>
        <translation>Estudios encontrados</translation>
    </message>
    <message>
        <source>with the patient&apos;s newest priors:</source>
        <translation>con los previos más recientes de la paciente:</translation>
    </message>
    <message>
        <source>How many priors</source>
        <translation>Cuántos previos</translation>
    </message>
    <message>
        <source>&amp;Open</source>
        <translation>&amp;Abrir</translation>
    </message>
    <message>
        <source>Objects here</source>
        <translation>Objetos aquí</translation>
    </message>
    <message>
        <source>State</source>
        <comment>of a transfer</comment>
        <translation>Estado</translation>
    </message>
    <message>
        <source>Studies on their way</source>
        <translation>Estudios en camino</translation>
    </message>
    <message>
        <source>&amp;Pause</source>
        <translation>&amp;Pausar</translation>
    </message>
    <message>
        <source>&amp;Cancel</source>
        <translation>&amp;Cancelar</translation>
    </message>
    <message>
        <source>&amp;Show</source>
        <translation>&amp;Mostrar</translation>
    </message>
    <message>
        <source>No node is configured: enter your PACS under Settings ▸ DICOM nodes.</source>
        <translation>No hay ningún nodo configurado: introduzca su PACS en Ajustes ▸ Nodos DICOM.</translation>
    </message>
    <message>
        <source>“{node}” has 1.</source>
        <translation>«{node}» tiene 1.</translation>
    </message>
    <message>
        <source>“{node}” has {count}.</source>
        <translation>«{node}» tiene {count}.</translation>
    </message>
    <message>
        <source>“{node}” has none of that kind: ask more widely.</source>
        <translation>«{node}» no tiene ninguno así: pregunte de forma más amplia.</translation>
    </message>
    <message>
        <source>Enter a patient or choose the days: a PACS has too many.</source>
        <translation>Introduzca una paciente o elija los días: un PACS tiene demasiados.</translation>
    </message>
    <message>
        <source>Go &amp;on</source>
        <translation>&amp;Seguir</translation>
    </message>
    <message>
        <source>{here} of {expected}</source>
        <translation>{here} de {expected}</translation>
    </message>
    <message>
        <source>{count} objects were not kept</source>
        <translation>{count} objetos no se guardaron</translation>
    </message>
    <message>
        <source>Others&apos; documents</source>
        <translation>Documentos de otros</translation>
    </message>
    <message>
        <source>Document</source>
        <translation>Documento</translation>
    </message>
    <message>
        <source>What it says</source>
        <translation>Qué dice</translation>
    </message>
    <message>
        <source>&amp;Save the PDF …</source>
        <translation>&amp;Guardar el PDF …</translation>
    </message>
    <message>
        <source>&amp;Turn the images so</source>
        <translation>&amp;Girar así las imágenes</translation>
    </message>
    <message>
        <source>{count} documents lie beside the images; they are told once you have read.</source>
        <translation>Junto a las imágenes hay {count} documentos; se muestran cuando usted haya leído.</translation>
    </message>
    <message>
        <source>No documents of others lie beside this study&apos;s images.</source>
        <translation>No hay documentos de otros junto a las imágenes de este estudio.</translation>
    </message>
    <message>
        <source>By others, unchecked: reports, marks and windows that came with the images.</source>
        <translation>De otros, sin comprobar: informes, marcas y ventanas que vinieron con las imágenes.</translation>
    </message>
    <message>
        <source>{count} more documents were not read</source>
        <translation>{count} documentos más no se leyeron</translation>
    </message>
    <message>
        <source>Save the PDF</source>
        <translation>Guardar el PDF</translation>
    </message>
    <message>
        <source>written by this program</source>
        <translation>escrito por este programa</translation>
    </message>
    <message>
        <source>verified, as it says</source>
        <translation>verificado, según dice</translation>
    </message>
    <message>
        <source>not shown</source>
        <translation>no se muestra</translation>
    </message>
    <message>
        <source>finding</source>
        <translation>hallazgo</translation>
    </message>
    <message>
        <source>marks on {view}</source>
        <translation>marcas en {view}</translation>
    </message>
    <message>
        <source>marks that it wants not shown</source>
        <translation>marcas que pide no mostrar</translation>
    </message>
    <message>
        <source>windows, among the presets</source>
        <translation>ventanas, entre los preajustes</translation>
    </message>
    <message>
        <source>shows {view}</source>
        <translation>muestra {view}</translation>
    </message>
    <message>
        <source>to be saved and opened elsewhere</source>
        <translation>para guardar y abrir en otro sitio</translation>
    </message>
    <message>
        <source>The network&apos;s process ended</source>
        <translation>El proceso de red terminó</translation>
    </message>
    <message>
        <source>Try again.</source>
        <translation>Inténtelo de nuevo.</translation>
    </message>
    <message>
        <source>The network&apos;s process cannot start</source>
        <translation>El proceso de red no puede arrancar</translation>
    </message>
    <message>
        <source>A part of the program is missing: install it again.</source>
        <translation>Falta una parte del programa: instálelo de nuevo.</translation>
    </message>
    <message>
        <source>This site is configured for the whole machine</source>
        <translation>El centro está configurado para todo el equipo</translation>
    </message>
    <message>
        <source>Ask whoever keeps {path}.</source>
        <translation>Pregunte a quien lleva {path}.</translation>
    </message>
    <message>
        <source>waiting</source>
        <translation>en espera</translation>
    </message>
    <message>
        <source>on its way</source>
        <translation>en camino</translation>
    </message>
    <message>
        <source>paused</source>
        <translation>en pausa</translation>
    </message>
    <message>
        <source>complete</source>
        <translation>completo</translation>
    </message>
    <message>
        <source>cancelled</source>
        <translation>cancelado</translation>
    </message>
    <message>
        <source>not complete</source>
        <translation>incompleto</translation>
    </message>
    <message>
        <source>Results cannot be made here</source>
        <translation>Aquí no se pueden crear resultados</translation>
    </message>
    <message>
        <source>The program was installed without its extra &quot;dicom&quot;.</source>
        <translation>El programa se instaló sin su extra &quot;dicom&quot;.</translation>
    </message>
    <message>
        <source>Others&apos; mar&amp;ks</source>
        <translation>Marcas de &amp;otros</translation>
    </message>
    <message>
        <source>Others&apos; &amp;documents …</source>
        <translation>&amp;Documentos de otros …</translation>
    </message>
    <message>
        <source>A document cannot be read</source>
        <translation>No se puede leer un documento</translation>
    </message>
    <message numerus="yes">
        <source>%n documents cannot be read</source>
        <translation>
            <numerusform>No se puede leer %n documento</numerusform>
            <numerusform>No se pueden leer %n documentos</numerusform>
        </translation>
    </message>
    <message>
        <source>Show</source>
        <translation>Mostrar</translation>
    </message>
    <message>
        <source>Open from PAC&amp;S …</source>
        <translation>Abrir &amp;desde el PACS …</translation>
    </message>
    <message>
        <source>Send resul&amp;ts …</source>
        <translation>Enviar resul&amp;tados …</translation>
    </message>
    <message>
        <source>&amp;DICOM nodes …</source>
        <translation>&amp;Nodos DICOM …</translation>
    </message>
    <message>
        <source>1 object to be sent</source>
        <translation>1 objeto por enviar</translation>
    </message>
    <message numerus="yes">
        <source>%n objects to be sent</source>
        <translation>
            <numerusform>%n objeto por enviar</numerusform>
            <numerusform>%n objetos por enviar</numerusform>
        </translation>
    </message>
    <message>
        <source>network: on</source>
        <translation>red: activada</translation>
    </message>
</context>
</TS>
